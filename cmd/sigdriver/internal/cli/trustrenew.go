// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/ceremony"
	"github.com/sigdriver/sigdriver/tuf/author"
)

// trustRenewFlags are the options of trust renew.
type trustRenewFlags struct {
	ceremonyFlags
	due     string
	watch   bool
	outputs []string
}

func newTrustRenewCommand(env *Env) *cobra.Command {
	f := &trustRenewFlags{}
	cmd := &cobra.Command{
		Use:   "renew --dir DIR [--due 50%] [--watch]",
		Short: "Sign anew what is due, and nothing else",
		Long: `Signs the roles of which at most --due of their life is left anew, for their full
life, with the keys at hand, and publishes that. It is for a timer, for cron, or
with --watch for a loop of its own until it gets SIGTERM; drivers follow by
themselves. A role whose keys are elsewhere is named and does not hold up the
others.

Exit codes: 0 renewed, or nothing is due; 4 a role has less than a quarter of its
life left and its keys are elsewhere.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return trustRenew(env, f) },
	}
	f.ceremonyFlags.register(cmd)
	f.registerKeys(cmd)
	cmd.Flags().StringVar(&f.due, "due", "50%", "the share of a role's life that is left when it is due, from 1% to 99%")
	cmd.Flags().BoolVar(&f.watch, "watch", false, "go on, and renew whenever something is due")
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func trustRenew(env *Env, f *trustRenewFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	due, err := readShare("--due", f.due)
	if err != nil {
		return err
	}
	if !f.watch {
		_, err := f.once(env, out, due)
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	for ctx.Err() == nil {
		next, err := f.once(env, out, due)
		if err != nil {
			exitCode(err, env.Stderr)
		}
		sleep(ctx, pause(next, env.Now()))
	}
	return nil
}

// Bounds of the pause between two looks of a watch: nobody tells it when somebody else
// publishes or the clock is set.
const (
	shortestPause = time.Second
	pauseOnError  = time.Minute
	longestPause  = time.Hour
)

// pause is how long a watch rests. next is the zero time where it is not known.
func pause(next, now time.Time) time.Duration {
	if next.IsZero() { // it failed, or nothing can be renewed here
		return pauseOnError
	}
	return min(longestPause, max(shortestPause, next.Sub(now)))
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// once renews what is due, and returns when the next role will be.
func (f *trustRenewFlags) once(env *Env, out sinks, due float64) (next time.Time, err error) {
	r, err := f.folder(env).Renew(due)
	var missing *author.QuorumError
	if errors.As(err, &missing) {
		return next, belowThreshold(f.folder(env), missing)
	}
	if err != nil {
		return next, trustError(err)
	}
	if r.Action == ceremony.NotDue && !r.Next.IsZero() {
		r.Notes = append(r.Notes, "the next role is due at "+r.Next.UTC().Format(time.RFC3339))
	}
	if err := f.finish(env, out, &r.Result, nil); err != nil {
		return r.Next, err
	}
	if r.Urgent {
		return r.Next, &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("less than a quarter of its life is left of what cannot be renewed here: %s", strings.Join(r.Away, ", ")),
			Remedy: fmt.Sprintf("let the holders of its keys sign: `sigdriver trust stage --dir %s --renew %s`", printable(f.dir), r.Away[0])}
	}
	return r.Next, nil
}

// readShare reads a percentage.
func readShare(option, s string) (float64, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(s, "%"))
	if err != nil || n < 1 || n > 99 || !strings.HasSuffix(s, "%") {
		return 0, usageError(fmt.Errorf("%s %.40q is no share from 1%% to 99%%", option, s), "write it like 50%")
	}
	return float64(n) / 100, nil
}
