// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Command generate writes the committed vectors below a folder.
package main

import (
	"log"
	"os"

	"github.com/sigdriver/sigdriver/verifier/verifiertest/cases"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: generate FOLDER, for example testdata/vectors")
	}
	if err := cases.WriteVectors(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
