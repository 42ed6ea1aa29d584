// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/keys"
	"github.com/sigdriver/sigdriver/tuf"
)

// interview asks for a plan, line by line. An empty line takes what is offered.
type interview struct {
	env    *Env
	folder *ceremony.Folder
	in     *bufio.Reader
}

// maxAnswer bounds one answer in bytes.
const maxAnswer = 4 << 10

// roleDuties say what a role is for, to whoever chooses its holders.
var roleDuties = map[string]string{
	tuf.RoleRoot:         "says who holds the other roles; keys that lie in safes, two or more people",
	tuf.RoleTargets:      "signs the rules, authorities.json; the people who answer for them",
	tuf.RoleRevocation:   "takes signers and documents away; somebody who is awake at night",
	tuf.RoleAttestations: "hands out approvals and adds no authority; a machine",
	tuf.RoleSnapshot:     "signs which versions belong together; a machine",
	tuf.RoleTimestamp:    "signs every day that this is still the newest; a machine",
}

// interviewPlan asks who holds which role.
func interviewPlan(env *Env, folder *ceremony.Folder) (*ceremony.Plan, error) {
	p := &ceremony.Plan{Algorithm: keys.Ed25519, Roles: map[string]ceremony.PlanRole{}, Dir: "."}
	i := &interview{env, folder, bufio.NewReaderSize(env.Stdin, maxAnswer)}
	fmt.Fprint(env.Stderr, "Who holds each role: PEM public key files, and a number of keys to make here,\nseparated by spaces. An empty line takes what stands in brackets.\n")
	for _, role := range tuf.Roles() {
		r, err := i.role(role)
		if err != nil {
			return nil, err
		}
		if r != nil {
			p.Roles[role] = *r
		}
	}
	fmt.Fprintln(env.Stderr)
	for _, role := range tuf.Roles() {
		if r, ok := p.Roles[role]; ok {
			fmt.Fprintf(env.Stderr, "%s: %d of %s\n", role, r.Threshold, printable(holders(&r)))
		}
	}
	goOn := false
	err := i.ask("Make this repository? yes or no", "yes", func(answer string) error {
		goOn = answer == "yes"
		if !goOn && answer != "no" {
			return errors.New("answer yes or no")
		}
		return nil
	})
	if err == nil && !goOn {
		err = usageError(errors.New("nothing was made: the answer was no"), "run it again, or write a plan and give it with --plan")
	}
	return p, err
}

// role asks for the holders of one role and how many of them must sign; nil when
// the role is not wanted.
func (i *interview) role(role string) (*ceremony.PlanRole, error) {
	optional := role == tuf.RoleRevocation || role == tuf.RoleAttestations
	fmt.Fprintf(i.env.Stderr, "\n%s %s\n", role, roleDuties[role])
	question := "Keys of " + role
	if optional {
		question += ", or none"
	}
	r := &ceremony.PlanRole{}
	err := i.ask(question, "1", func(answer string) (err error) {
		if optional && answer == "none" {
			r = nil
			return nil
		}
		r, err = i.readHolders(answer)
		return err
	})
	if err != nil || r == nil {
		return nil, err
	}
	n := len(r.Keys) + r.Generate
	return r, i.ask(fmt.Sprintf("How many of the %s must sign", plural(n, "key", "keys")), strconv.Itoa(n/2+1), func(answer string) error {
		r.Threshold, err = strconv.Atoi(answer)
		if err != nil || r.Threshold < 1 || r.Threshold > n {
			return fmt.Errorf("%.40q is no number from 1 to %d", answer, n)
		}
		return nil
	})
}

// readHolders reads key files and numbers of keys to make.
func (i *interview) readHolders(answer string) (*ceremony.PlanRole, error) {
	r := &ceremony.PlanRole{}
	for _, word := range strings.Fields(answer) {
		if n, err := strconv.Atoi(word); err == nil {
			r.Generate += n
			if n < 1 || r.Generate > ceremony.MaxGenerate {
				return nil, fmt.Errorf("%.40q is no number of keys from 1 to %d", word, ceremony.MaxGenerate)
			}
			continue
		}
		if _, err := i.folder.PublicKey(word); err != nil {
			return nil, err
		}
		r.Keys = append(r.Keys, word)
	}
	if len(r.Keys)+r.Generate == 0 {
		return nil, errors.New("a role needs a key")
	}
	return r, nil
}

// holders says who holds a role, for people.
func holders(r *ceremony.PlanRole) string {
	list := strings.Join(r.Keys, ", ")
	if r.Generate == 0 {
		return list
	}
	made := plural(r.Generate, "new key", "new keys")
	if list == "" {
		return made
	}
	return list + " and " + made
}

// ask repeats a question until its answer is accepted or nobody answers any more.
func (i *interview) ask(question, preset string, accept func(string) error) error {
	for {
		fmt.Fprintf(i.env.Stderr, "%s [%s]: ", question, preset)
		line, err := i.in.ReadSlice('\n')
		if err != nil && (len(line) == 0 || !errors.Is(err, io.EOF)) {
			fmt.Fprintln(i.env.Stderr)
			return usageError(errors.New("nothing was made: the answers ended before the questions"), "answer them all, or write a plan and give it with --plan")
		}
		answer := strings.TrimSpace(string(line))
		if answer == "" {
			answer = preset
		}
		if err = accept(answer); err == nil {
			return nil
		}
		fmt.Fprintf(i.env.Stderr, "  %s\n", printable(err.Error()))
	}
}
