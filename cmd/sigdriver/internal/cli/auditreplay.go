// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/evidence"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/replay"
	"github.com/sigdriver/sigdriver/tuf"
)

// replayFlags say what to replay, and where it is.
type replayFlags struct {
	root, documents             string
	states                      statesFlag
	since, until                string
	gateway, workspace, sandbox string
	outputs                     []string
}

func (f *replayFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.Var(&f.states, "state", "a driver's state folder, a copy of it, or a pack; again for each driver of a fleet")
	fl.StringVar(&f.root, "root", "", "the pinned root.json that the driver started from")
	fl.StringVar(&f.documents, "documents", "", "folder of bodies exported from the gateway")
	fl.StringVar(&f.since, "since", "", "only decisions from this time on, as 2026-01-02T15:04:05Z or 30d")
	fl.StringVar(&f.until, "until", "", "only decisions before this time, as 2026-01-02T15:04:05Z or 30d")
	fl.StringVar(&f.gateway, "gateway", "", "only decisions for this gateway_id")
	fl.StringVar(&f.workspace, "workspace", "", "only decisions for this workspace")
	fl.StringVar(&f.sandbox, "sandbox", "", "only decisions for this sandbox, by its id or its name")
	for _, name := range []string{"state", "root"} {
		_ = cmd.MarkFlagRequired(name) // fails only for a flag that does not exist
	}
}

func newAuditReplayCommand(env *Env) *cobra.Command {
	f := &replayFlags{}
	cmd := &cobra.Command{
		Use:   "replay --state DIR --root FILE [--documents DIR]",
		Short: "Decide again what a driver decided, and compare",
		Long: `Goes through a driver's journal. For each decision it proves the trust of that time
again, from the pinned first root; decides again, with the code that the driver runs,
at the recorded time and with the floors as they were; and compares the decisions byte
for byte:

  identical       the same, but for texts and hints
  different       another decision, or an entry that no driver could have written
  other rules     what older rules decided otherwise than today's; the release of
                  that time replays it
  unreplayable    something that bore on it is missing or damaged

Policy bodies never leave the gateway. Without them the record is believed about what
only a body can show: whether it was well formed, and whether the effective policy was
the composition. With --documents, a folder with bodies exported from the gateway under
any names, that is checked again as well.

Of what was allowed it then says whether it would be allowed now, by the last trust that
the driver accepted, and otherwise what ended it.

Exit codes: 0 none different or unreplayable, 1 any different or the journal is damaged, 2 usage,
4 something was unreplayable or nothing was replayed.

With --state once for each driver of a fleet that shares a memory, each is replayed alone,
and then every row of the memory has to be explained by one of them: what is not makes
it end with 1.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if len(f.states) > 1 {
				return auditReplayFleet(env, f)
			}
			return auditReplay(env, f)
		},
	}
	f.register(cmd)
	registerOutputs(cmd, &f.outputs)
	return cmd
}

func auditReplay(env *Env, f *replayFlags) error {
	out, err := readOutputs(f.outputs)
	if err != nil {
		return err
	}
	r, options, err := f.runOne(env)
	if err != nil {
		return err
	}
	report := newReplayReport(r, options)
	if err := out.writeAll(env, report, report.print); err != nil {
		return err
	}
	return replayExit(r)
}

// replayExit is how a replay ends: never well with nothing replayed.
func replayExit(r *replay.Report) error {
	switch {
	case r.Counts[replay.Different] > 0:
		return &ExitError{Code: ExitDenied}
	case r.Counts[replay.Unreplayable] > 0 || r.Counts[replay.Identical] == 0:
		return &ExitError{Code: ExitInconclusive}
	}
	return nil
}

// runOne replays the one journal that is named.
func (f *replayFlags) runOne(env *Env) (*replay.Report, *replay.Options, error) {
	u, err := unpackState(f.states[0])
	if err != nil {
		return nil, nil, err
	}
	defer u.done()
	return f.run(env, f.states[0], u.dir)
}

// run replays as the options say, with a progress bar on a terminal. path is what the
// caller calls the folder.
func (f *replayFlags) run(env *Env, path, dir string) (*replay.Report, *replay.Options, error) {
	o, err := f.options(env)
	if err != nil {
		return nil, nil, err
	}
	o.Dir = dir
	bar := &progressBar{w: env.Stderr, live: env.terminal(env.Stderr)}
	o.Progress = bar.show
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	begin := time.Now()
	r, err := replay.Run(ctx, *o)
	bar.clear()
	o.Dir = path
	if err != nil {
		return nil, nil, replayFault(path, err)
	}
	if took := time.Since(begin); len(r.Results) > 0 {
		fmt.Fprintf(env.Stderr, "Replayed %s in %.2f s on %s: %.0f a second\n", plural(len(r.Results), "decision", "decisions"),
			took.Seconds(), plural(runtime.GOMAXPROCS(0), "processor", "processors"), float64(len(r.Results))/took.Seconds())
	}
	return r, o, nil
}

func (f *replayFlags) options(env *Env) (*replay.Options, error) {
	root, err := readPinnedRoot(env, f.root)
	if err != nil {
		return nil, err
	}
	o := &replay.Options{Root: root, Gateway: f.gateway, Workspace: f.workspace, Sandbox: f.sandbox, Now: env.Now().UTC()}
	for _, bound := range []struct {
		option, value string
		to            *time.Time
	}{{"--since", f.since, &o.Since}, {"--until", f.until, &o.Until}} {
		if *bound.to, err = readInstant(env, bound.option, bound.value); err != nil {
			return nil, err
		}
	}
	if f.documents != "" {
		if o.Documents, err = evidence.OpenDocuments(f.documents); err != nil {
			return nil, cannotRead(f.documents, "folder of documents", err)
		}
		if o.Documents.Len() == 0 {
			return nil, usageError(fmt.Errorf("the folder %q has no document", f.documents), "export the bodies from the gateway into it, under any names")
		}
	}
	return o, nil
}

// readPinnedRoot reads the root that trust must start from.
func readPinnedRoot(env *Env, path string) ([]byte, error) {
	root, err := readFile(env, path, "pinned root", maxRoot)
	if err == nil {
		if err = tuf.CheckRoot(root); err != nil {
			err = usageError(fmt.Errorf("%q is not a root.json: %w", path, err), "give the root.json that drivers pin, the repository's metadata/1.root.json")
		}
	}
	return root, err
}

// optionalRoot is readPinnedRoot of a root that need not be given.
func optionalRoot(env *Env, path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	return readPinnedRoot(env, path)
}

// readInstant reads a time, or how long ago it is; zero for nothing.
func readInstant(env *Env, option, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if strings.Contains(s, "T") {
		return readTime(option, s)
	}
	d, err := readDuration(option, s)
	if err != nil {
		return time.Time{}, usageError(fmt.Errorf("%s %.40q is neither a time nor a duration before now", option, s), "write it like 2026-01-02T15:04:05Z, 30d or 36h")
	}
	return env.Now().Add(-d), nil
}

// replayFault says why there is nothing to replay.
func replayFault(dir string, err error) error {
	var corrupt *record.CorruptError
	var none *tuf.NoHistoryError
	switch {
	case errors.As(err, &corrupt):
		return &ExitError{Code: ExitDenied, Err: err, Remedy: "nothing was replayed"}
	case errors.As(err, &none):
		return &ExitError{Code: ExitInconclusive, Err: err, Remedy: "nothing was replayed; give the state folder whole, with trust/ and archive/"}
	case tuf.Code(err) != "":
		return &ExitError{Code: ExitInconclusive, Err: fmt.Errorf("%s: the history of trust in %q cannot be read: %w", tuf.Code(err), dir, err), Remedy: "nothing was replayed"}
	case errors.Is(err, context.Canceled):
		return &ExitError{Code: ExitInconclusive, Err: errors.New("interrupted"), Remedy: "nothing was reported"}
	}
	return journalFault(dir, err)
}

// progressBar is one line on a terminal that is written over.
type progressBar struct {
	w    io.Writer
	live bool

	mu    sync.Mutex
	shown int // percent, plus one
}

func (b *progressBar) show(done, total int) {
	percent := 100 * done / max(total, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.live || percent < b.shown {
		return
	}
	b.shown = percent + 1
	const width = 40
	full := percent * width / 100
	fmt.Fprintf(b.w, "\r%s%s %3d %%", strings.Repeat("█", full), strings.Repeat("░", width-full), percent)
}

func (b *progressBar) clear() {
	if b.live && b.shown > 0 {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

// terminal reports whether w is one.
func (e *Env) terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
