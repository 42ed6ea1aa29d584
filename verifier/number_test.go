// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package verifier

import (
	"strings"
	"testing"
	"time"

	"github.com/sigdriver/sigdriver/internal/cputime"
)

func TestExactDouble(t *testing.T) {
	for _, text := range []string{
		"0", "-0", "0.0", "0e5", "-0.00e-7", "0E400", "1", "-1", "1.5", "0.1", "333333333.33333329", "4.35",
		"9007199254740991", "9007199254740992", "9007199254740994", "-9007199254740992", "9007199254740993.5",
		"18446744073709551616", "1e22", "1e23", "1E30", "-1e+30", "123456789012345680000", "1180591620717411303424",
		"1.7976931348623157e308", "5e-324", "2.2250738585072014e-308",
	} {
		if !exactDouble(text) {
			t.Errorf("%s is refused", text)
		}
	}
	for _, text := range []string{
		"9007199254740993", "-9007199254740993", "9007199254740993.0", "9007199254740993e0", "90071992547409930e-1",
		"9223372036854775807", "18446744073709551615", "12345678901234567890",
		"1e309", "-1e309", "1e400", "1.7976931348623159e308", "1e999999999999999999999", "1" + strings.Repeat("0", 400),
		"1e-400", "-1e-324", "1e-700000000", "1e-99999999999999999999", "0.00000001e-999",
		"", "-", "1e", "x",
	} {
		if exactDouble(text) {
			t.Errorf("%.60s is accepted", text)
		}
	}
}

func TestExactDoubleIsQuick(t *testing.T) {
	took := cputime.Of(func() {
		for _, text := range []string{"1e2147483646", "1e-2147483646", "7e600000000", "7e-600000000", strings.Repeat("9", 400)} {
			exactDouble(text)
		}
	})
	if took > time.Second {
		t.Errorf("took %v", took)
	}
}

// Many of them are looked at for little each: a file may hold half a million.
func TestExactDoublesTakeLittle(t *testing.T) {
	for _, text := range []string{"1e308", "1.7976931348623157e+308", "1e-300", "-1.5"} {
		if n := testing.AllocsPerRun(100, func() { exactDouble(text) }); n > 4 {
			t.Errorf("%s takes %g allocations", text, n)
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, same := range [][]string{
		{"100", "1e2", "1E+2", "0.01e4", "100.00", "10000e-2", "-1e2", "0100"},
		{"1.5", "15e-1", "0.15e1", "1.50"}, {"0", "0.0", "-0e0"},
	} {
		for _, text := range same {
			if decimal(text) != decimal(same[0]) {
				t.Errorf("%s is %v, %s is %v", text, decimal(text), same[0], decimal(same[0]))
			}
		}
	}
	for _, text := range []string{"10", "1e3", "1.01e2", "1e99999999999999999999"} {
		if decimal(text) == decimal("100") {
			t.Errorf("%s is 100", text)
		}
	}
}

func TestCheckNumbers(t *testing.T) {
	if err := checkNumbers([]byte(`{"a":[1,"9007199254740993",{"b":0.1}]}`)); err != nil {
		t.Error(err)
	}
	err := checkNumbers([]byte(`{"a":[1,{"b":9007199254740993}]}`))
	if err == nil {
		t.Fatal("an integer above 2^53 is accepted")
	}
	if strings.Contains(err.Error(), "9007") {
		t.Errorf("the error repeats what may be a secret: %v", err)
	}
}
