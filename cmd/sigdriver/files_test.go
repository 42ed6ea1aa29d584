// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// filePackages can reach files. What of them is listed here cannot; everything
// else, also what a later Go adds, belongs into tuf/disk.
var filePackages = map[string][]string{
	"os": {
		"Args", "Exit", "Getenv", "LookupEnv", "Unsetenv", "Getpid", "FindProcess", "Getuid", "Geteuid", "Getegid", "Getgroups", "Getppid", "Signal", "Interrupt",
		"SameFile", "Stdin", "Stdout", "Stderr", "File", "FileMode", "FileInfo", "PathError", "LinkError", "SyscallError", "ErrNotExist", "ErrProcessDone", "Process",
		"O_RDONLY", "O_WRONLY", "O_RDWR", "O_APPEND", "O_CREATE", "O_EXCL", "O_TRUNC",
	},
	"syscall": {
		"Stat_t", "Timespec", "Errno", "WaitStatus", "Kill", "SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGSTOP", "SIGCONT", "Credential", "SysProcAttr",
		"ENOSPC", "EIO",
	},
	"golang.org/x/sys/unix": {
		"O_NONBLOCK", "O_DIRECTORY", "O_CLOEXEC", "O_NOFOLLOW", "ECONNREFUSED", "EWOULDBLOCK", "Errno",
		"SOL_SOCKET", "SO_PEERCRED", "SO_PEERGROUPS", "SO_PEERPIDFD", "GetsockoptInt", "GetsockoptUcred", "Ucred", "CloseOnExec", "Rlimit", "Getrlimit", "RLIMIT_NOFILE",
	},
	"path/filepath": {
		"Abs", "Base", "Clean", "Dir", "Ext", "FromSlash", "IsAbs", "IsLocal", "Join", "Match", "Rel", "Separator", "Split", "ToSlash",
	},
	"io/ioutil": nil,
}

// makeFiles are functions of other packages that open or make files.
var makeFiles = map[string][]string{
	"net":        {"ListenUnix", "ListenUnixgram", "ListenConfig"},
	"net/http":   {"Dir", "FileServer", "ServeFile"},
	"crypto/tls": {"LoadX509KeyPair"},
}

type exception struct{ where, uses, why string }

// exceptions are the files and folders of the module that reach files by
// themselves: the whole list, with everything they use for it.
var exceptions = []exception{
	{"tuf/disk/os.go", "filepath.EvalSymlinks os.Chmod os.Link os.Lstat os.Mkdir os.OpenFile os.OpenRoot os.ReadDir os.Remove os.Rename os.Stat",
		"the layer itself"},
	{"tuf/disk/os_unix.go", "os.Lchown os.Open os.OpenFile unix.Flock unix.LOCK_EX unix.LOCK_NB unix.LOCK_UN unix.Statfs unix.Statfs_t", "the same, where systems differ"},
	{"tuf/disk/os_windows.go", "os.OpenFile os.Stat", "the same, where systems differ"},
	{"tuf/disk/disktest", "filepath.WalkDir os.Lstat os.Mkdir os.MkdirTemp os.ReadFile os.Remove os.RemoveAll os.Truncate os.WriteFile syscall.MNT_DETACH syscall.Mount syscall.Statfs syscall.Statfs_t syscall.Unmount",
		"its test double, which loses power and fills disks"},
	{"internal/cputime", "unix.CLOCK_THREAD_CPUTIME_ID unix.ClockGettime unix.Timespec", "what a test has cost, which is no file"},
	{"cmd/sigdriver/internal/record/recordtest", "os.MkdirAll os.OpenFile", "it writes journals that no driver writes"},
	{"cmd/sigdriver/internal/socket/socket.go", "net.ListenConfig syscall.RawConn unix.Fchmod",
		"only the net package makes a listening socket; its mode is set before it has a name"},
	{"cmd/sigdriver/internal/socket/process.go", "unix.Close", "a descriptor that the kernel hands out for a process"},
	{"cmd/sigdriver/internal/socket/systemd.go", "os.NewFile", "a descriptor that systemd opened"},
	{"cmd/sigdriver/internal/keys/passphrase.go", "os.NewFile os.OpenFile", "a descriptor that the caller opened, and the terminal"},
	{"cmd/sigdriver/internal/tilelog", "os.Chtimes unix.EINTR unix.FcntlFlock unix.F_OFD_SETLKW unix.F_WRLCK unix.Flock_t",
		"the log's files are tessera's: one is made to look old, and its lock is waited for"},
	{"cmd/sigdriver/internal/cli/signview.go", "os.OpenFile", "the terminal"},
	{"cmd/sigdriver/internal/cli/file.go", "os.MkdirTemp os.TempDir", "a folder for a scratch copy of a pack"},
	{"cmd/sigdriver/internal/cli/auditpack.go", "os.RemoveAll", "the copy is gone when the command is"},
	{"cmd/sigdriver/internal/cli/auditfleet.go", "os.RemoveAll", "likewise"},
	{"cmd/sigdriver/internal/evidence/unpack.go", "os.OpenRoot os.Root", "the same scratch copy: no member of a pack may leave it"},
	{"cmd/sigdriver/internal/cli/demo.go", "os.Executable", "a name, to run ourselves"},
	{"cmd/sigdriver/internal/demo", "os.Create os.MkdirAll os.MkdirTemp os.ReadFile os.RemoveAll os.TempDir os.WriteFile",
		"a laboratory in the temporary folder, which does not outlive the demo"},
	{"cmd/sigdriver/internal/demo/bench", "os.Executable os.Mkdir os.ReadFile", "a tool that measures in such a laboratory"},
	{"cmd/sigdriver/internal/keys/softhsm", "os.Stat os.WriteFile", "a token for tests, in their folders"},
	{"cmd/sigdriver/internal/cli/gen", "filepath.Glob os.MkdirAll os.ReadFile os.WriteFile", "a generator: its output is packaged"},
	{"cmd/sigdriver/internal/cli/asuser.go", "filepath.Glob os.Environ os.ReadFile os.Stat", "systemd's units, which name the driver's user"},
	{"cmd/sigdriver/internal/daemon/configcheck.go", "unix.AT_EACCESS unix.AT_FDCWD unix.Faccessat unix.W_OK unix.X_OK", "whether its user may write where the file says"},
	{"cmd/sigdriver/internal/daemon/limits.go", "os.ReadFile", "what the kernel says of the memory of a cgroup"},
	{"cmd/sigdriver/internal/daemon/preflight.go", "os.MkdirTemp os.RemoveAll os.TempDir", "a folder for what a check fetches, gone when it is made"},
	{"packaging", "filepath.WalkDir os.Create os.Environ os.MkdirAll os.MkdirTemp os.ReadDir os.ReadFile os.RemoveAll os.WriteFile", "it packs what was built"},
	{"cmd/sigdriver/internal/daemon/gen", "os.WriteFile", "a generator: its output is checked in"},
	{"cmd/sigdriver/internal/server/gen", "filepath.Glob os.ReadFile os.WriteFile", "a generator: its output is checked in"},
	{"verifier/verifiertest/cases", "filepath.Glob os.MkdirAll os.Remove os.WriteFile", "the generator of the vectors: its output is checked in"},
	{"cmd/sigdriver/internal/evidence/evidencetest", "os.WriteFile", "what a test reads back"},
	{"cmd/sigdriver/internal/memory/memorytest", "filepath.Glob os.Chown os.MkdirTemp os.RemoveAll syscall.Signal", "a database for one test, and a socket before it"},
	{"cmd/sigdriver/internal/replay/replaytest", "os.Mkdir os.MkdirTemp os.RemoveAll os.Stat os.WriteFile", "a driver's world for one test, with what it leaves"},
	{"tuf/tuftest", "os.MkdirAll os.Remove os.RemoveAll os.Rename os.WriteFile", "somebody else's web server, hostile ones too"},
}

// TestFilesGoThroughTheLayer holds every file operation of the module to
// tuf/disk, where tests can end the process or fail the operation.
func TestFilesGoThroughTheLayer(t *testing.T) {
	unused := map[string][]string{}
	for _, e := range exceptions {
		if e.why == "" || e.uses == "" || unused[e.where] != nil {
			t.Errorf("%s: an exception names once what it uses and why", e.where)
		}
		unused[e.where] = strings.Fields(e.uses)
	}
	found := reach(t, filepath.Join("..", ".."))
	for _, file := range slices.Sorted(maps.Keys(found)) {
		where := file
		if unused[where] == nil {
			where = path.Dir(file)
			for unused[where] == nil && where != "." {
				where = path.Dir(where)
			}
		}
		i := slices.IndexFunc(exceptions, func(e exception) bool { return e.where == where })
		for _, use := range found[file] {
			if i < 0 || !slices.Contains(strings.Fields(exceptions[i].uses), use) {
				t.Errorf("%s uses %s: go through tuf/disk, which tests can fail", file, use)
				continue
			}
			unused[where] = slices.DeleteFunc(unused[where], func(u string) bool { return u == use })
		}
	}
	for _, e := range exceptions {
		if len(unused[e.where]) > 0 {
			t.Errorf("%s no longer uses %s: take it from the exceptions", e.where, strings.Join(unused[e.where], " "))
		}
	}
}

// reach returns what every file of the module, by its path, uses to reach files.
func reach(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	parsed := 0
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if e.IsDir() && name != "." && (strings.HasPrefix(e.Name(), ".") || name == "bin" || name == "out") {
			return fs.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed++
		parsedFile, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		if uses := fileUses(t, name, parsedFile); len(uses) > 0 {
			found[filepath.ToSlash(name)] = uses
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if parsed < 150 {
		t.Fatalf("only %d files were parsed", parsed)
	}
	return found
}

// fileUses returns the selectors of a file that reach files, each once, sorted.
func fileUses(t *testing.T, name string, f *ast.File) []string {
	t.Helper()
	packages := map[string]string{} // by the name in the file
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		_, reaches := filePackages[imported]
		as := path.Base(imported)
		if spec.Name != nil {
			as = spec.Name.Name
		}
		if as == "." && reaches {
			t.Errorf("%s imports %s without a name", name, imported)
		}
		packages[as] = imported
	}
	var uses []string
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := s.X.(*ast.Ident)
		if !ok {
			return true
		}
		harmless, reaches := filePackages[packages[x.Name]]
		if reaches && !slices.Contains(harmless, s.Sel.Name) || slices.Contains(makeFiles[packages[x.Name]], s.Sel.Name) {
			uses = append(uses, path.Base(packages[x.Name])+"."+s.Sel.Name)
		}
		return true
	})
	slices.Sort(uses)
	return slices.Compact(uses)
}
