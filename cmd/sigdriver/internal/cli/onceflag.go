// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// onceFlag is the value of a flag that takes one. A command line on which it has two is
// refused: the last would be taken without a word, and the other be what somebody meant.
// The same value twice does no harm.
type onceFlag struct {
	pflag.Value
	given *string
}

func (f *onceFlag) Set(value string) error {
	if f.given != nil && *f.given != value {
		return fmt.Errorf("it takes one value, and was given %.80q before", *f.given)
	}
	f.given = &value
	return f.Value.Set(value)
}

// takeOnce has every flag of the commands that takes one value refuse another.
func takeOnce(cmd *cobra.Command) {
	for _, flags := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		flags.VisitAll(func(flag *pflag.Flag) {
			switch flag.Value.(type) {
			case pflag.SliceValue, *statesFlag, *onceFlag:
			default:
				flag.Value = &onceFlag{Value: flag.Value}
			}
		})
	}
	for _, sub := range cmd.Commands() {
		takeOnce(sub)
	}
}
