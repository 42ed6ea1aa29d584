// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/grpclog"

	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/memory"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/record"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/server"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/socket"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/tilelog"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/trust"
	"github.com/sigdriver/sigdriver/cmd/sigdriver/internal/version"
	"github.com/sigdriver/sigdriver/tuf"
	"github.com/sigdriver/sigdriver/tuf/archive"
	"github.com/sigdriver/sigdriver/tuf/disk"
	"github.com/sigdriver/sigdriver/verifier"
)

const (
	// drainTime is how long calls under way may take when the driver stops.
	drainTime = 4 * time.Second
	// idleTime is how long connections have to end by themselves once no call is under
	// way on any: one whose other end is stopped in its tracks never would.
	idleTime = 100 * time.Millisecond
	// lockFile is the lock of the state folder.
	lockFile = "lock"
	// firstRefresh is how long the socket waits for trust when there is none.
	firstRefresh = 10 * time.Second
)

// driver is a running driver. Its parts are in the order in which they start.
type driver struct {
	options Options
	conf    *Config
	logger  hclog.Logger
	metrics *Metrics

	lock    io.Closer
	archive *archive.Store
	record  *record.Store
	log     *tilelog.Log // nil: there is no transparency log
	clock   *record.Clock
	attest  *server.ReceiptSigner // nil: the driver signs no receipts
	// detections is nil where nobody collects refusals.
	detections *detections
	own        []ownKey
	memory     *memory.Client // nil: the driver remembers alone
	client     *tuf.Client
	admission  *server.Admission
	index      *trust.Index
	keeper     *trust.Keeper
	lives      *lives
	started    time.Time
	probes     []probe

	socket   *socket.Socket
	listener *socket.PeerListener
	server   *server.Server
	grpc     *grpc.Server
	admin    *http.Server
	second   *intercepting // nil without an interceptor

	adminSocket *socket.Socket // nil where the admin listener has no path

	strangers *refusedPeers

	background sync.WaitGroup
	inner      context.Context // of what runs in the background
	cancel     context.CancelFunc
}

// quietGRPC keeps the library from writing to standard error by itself.
var quietGRPC = sync.OnceFunc(func() {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
})

// start opens everything, up to a socket that takes connections.
func (d *driver) start(ctx context.Context) error {
	quietGRPC()
	for _, step := range []func(context.Context) error{
		d.configure, d.openState, d.openLog, d.openReceipts, d.openDetections, d.openMemory, d.openTrust, d.begin, d.followMemory, d.listen, d.intercept, d.watch,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *driver) configure(context.Context) error {
	var err error
	if d.conf, err = LoadConfig(d.options.ConfigFile); err != nil {
		return err
	}
	if d.options.BindSocket != "" {
		d.conf.Socket = SocketConfig{Path: d.options.BindSocket}
	}
	if err := d.conf.CheckPlaces(); err != nil {
		return err
	}
	tuneMemory(d.conf.Limits)
	d.logger = hclog.New(&hclog.LoggerOptions{
		Name: "sigdriver", Level: hclog.LevelFromString(d.conf.Log.Level), Output: d.options.Log, JSONFormat: d.conf.Log.Format == "json",
	})
	d.metrics, d.started = NewMetrics(version.Driver), time.Now()
	d.strangers = newRefusedPeers(d.logger, d.metrics)
	d.logger.Info("starting", "version", version.Driver, "revision", version.Revision(), "config", d.options.ConfigFile)
	return nil
}

// openState opens the state folder: one driver at a time.
func (d *driver) openState(context.Context) error {
	dir := d.conf.StateDir
	if err := (disk.OS{}).MakeDir(dir, 0o700); err != nil {
		return d.conf.Fault("state_dir", err, "create it for the driver's user with mode 0700")
	}
	err := d.tighten(dir)
	if err != nil {
		return d.conf.Fault("state_dir", err, "chmod 0700 "+dir)
	}
	if d.lock, err = (disk.OS{}).Lock(filepath.Join(dir, lockFile)); err != nil {
		return d.conf.Fault("state_dir", err, "stop the other driver, or choose another folder")
	}
	if d.archive, err = archive.Open(filepath.Join(dir, "archive"), nil); err != nil {
		return d.conf.Fault("state_dir", err, "make it writable to the driver's user")
	}
	d.record, err = record.Open(dir, record.Options{
		Archive: d.archive, DenyBudget: d.conf.Audit.DenyPerMinute, Reserve: d.conf.reserve(),
		Rebuild: d.options.RebuildFloors,
	})
	if err != nil {
		return err
	}
	if d.options.RebuildFloors {
		d.logger.Warn("the floors were read from the journal's first entry on, on the operator's word")
	}
	if low := d.conf.lowOnDisk(); low != "" {
		d.logger.Warn(low)
	}
	if cut := d.record.Cut(); cut != nil {
		d.logger.Warn("the journal ended in a torn record, which was cut off", "detail", cut)
	}
	if d.record.TakenOver() {
		d.logger.Warn("the state folder of release 0.1.0 was taken over", "copy", filepath.Join(dir, record.OldFloors))
	}
	if err := d.acceptClock(); err != nil {
		return err
	}
	if d.clock = record.NewClock(d.record); d.options.Clock != nil {
		d.clock = record.NewClockAt(d.record, d.options.Clock)
	}
	return nil
}

// acceptClock takes the wall clock for right on the operator's word, and records that.
func (d *driver) acceptClock() error {
	if !d.options.AcceptClock {
		return nil
	}
	now := time.Now()
	if d.options.Clock != nil {
		now, _ = d.options.Clock()
	}
	was := d.record.HighWater()
	if err := d.record.AcceptClock(now); err != nil {
		return err
	}
	d.logger.Warn("the clock is taken for right on the operator's word", "now", now.UTC().Format(time.RFC3339), "was", was.Format(time.RFC3339))
	return nil
}

// openTrust puts in use what was accepted before, and waits a little for a
// first refresh when that does not decide any more. The attestations are checked
// meanwhile and afterwards: whoever may publish some, or write into their folder, must
// not keep the driver from starting.
func (d *driver) openTrust(ctx context.Context) error {
	root, err := d.conf.PinnedRoot()
	if err != nil {
		return err
	}
	source, err := tuf.NewSource(d.conf.Trust.Source)
	if err != nil {
		return d.conf.Fault("trust.source", err, "name an absolute folder, or a file, http or https URL")
	}
	d.client, err = tuf.Open(tuf.Config{
		Root: root, Source: source, Dir: filepath.Join(d.conf.StateDir, "trust"), ArchiveDir: filepath.Join(d.conf.StateDir, "archive"),
		Now: d.now, Logger: d.logger.Named("tuf"), AcceptLostFloors: d.options.AcceptLostFloors,
	})
	if err != nil {
		return trustFault(d.conf, err)
	}
	d.index = trust.NewIndex(d.conf.Attestations.Dir, d.now, d.logger.Named("index"))
	d.index.Busy = d.admission.Busy
	d.keeper = trust.NewKeeper(trust.KeeperConfig{
		Client: d.client, Clock: d.clock, Index: d.index, Floors: d.record, Metrics: d.metrics, Logger: d.logger.Named("trust"),
		DriverVersion: version.Driver, Reserved: d.reserved(), Interval: time.Duration(d.conf.Trust.RefreshInterval),
	})
	d.clock.VouchedBy(func(t time.Time) bool { return d.keeper.Current().Trust.State(t).Condition != verifier.Refused })
	if err := d.keeper.Load(); err != nil {
		return d.reservedFault(err)
	}
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.inner, d.cancel = inner, cancel
	d.background.Go(func() { d.index.Run(inner) })
	if d.keeper.Current().Trust.State(d.now()).Condition == verifier.Refused {
		first, cancel := context.WithTimeout(ctx, firstRefresh)
		defer cancel()
		d.keeper.Refresh(first) // it says itself how that ended
	}
	past, err := tuf.OpenHistory(d.conf.StateDir, root)
	if err != nil {
		past = nil // nothing was accepted yet
	}
	d.lives = newLives(d.now, d.keeper.Current, past, d.logger.Named("trust"))
	d.warnUnlisted()
	return nil
}

// begin records that this driver begins to serve: its version, its configuration and
// its trust. On a full disk that waits, and no ALLOW leaves before it.
func (d *driver) begin(context.Context) error {
	start := record.Start{Time: d.now(), Driver: version.Driver, Revision: version.Revision(), Config: d.conf.SHA256()}
	if t := d.keeper.Current(); t.Trust != nil {
		start.Trust = record.Trust{Epoch: t.Trust.Epoch(), Roles: t.Roles, Stale: t.Trust.State(start.Time).Condition == verifier.Stale}
	}
	var full *record.FullError
	err := d.record.Begin(start)
	if errors.As(err, &full) {
		d.logger.Warn("the start of the driver waits to be recorded", "error", err)
		return nil
	}
	return err
}

// trustFault tells a root that is none from a state folder that needs a hand.
func trustFault(conf *Config, err error) error {
	var lost *tuf.FloorsLostError
	var damaged *tuf.CorruptError
	var locked *tuf.LockedError
	var other *tuf.OtherRootError
	var store *tuf.StoreError
	switch {
	case errors.As(err, &lost):
		return conf.Fault("state_dir", err, "restore the folder from a backup, or start once with --accept-lost-floors")
	case errors.As(err, &damaged):
		return conf.Fault("state_dir", err, "restore the folder from a backup, or start once with --accept-lost-floors")
	case errors.As(err, &locked):
		return conf.Fault("state_dir", err, "stop the other driver, or choose another folder")
	case errors.As(err, &other):
		return conf.Fault("trust.root", err, "name the root that the driver was first given, or give it an empty state folder")
	case errors.As(err, &store):
		return conf.Fault("state_dir", err, "make it readable and writable to the driver's user, and see whether its disk is full")
	}
	return conf.Fault("trust.root", err, "name the root metadata of your TUF repository, as it was first published")
}

// now is the time that metadata is judged at. While the clock cannot be
// believed nothing is refreshed, so what is returned then decides nothing.
func (d *driver) now() time.Time {
	if now, err := d.clock.Now(); err == nil {
		return now
	}
	return time.Now()
}

// listen makes the socket and the server behind it.
func (d *driver) listen(context.Context) error {
	var err error
	if d.socket, err = d.makeSocket(); err != nil {
		return err
	}
	conns, err := connections(d.conf)
	if err != nil {
		return err
	}
	d.listener = socket.NewPeerListener(d.socket, d.peers(d.conf), conns, d.strangers.refused)
	parts := server.Config{
		Peers: d.listener.List, Trust: d.keeper, Clock: d.clock, Index: d.index, Record: d.record,
		Metrics: d.metrics, Logger: d.logger, AnswerBytes: d.conf.Limits.AnswersMiB << 20, Admission: d.admission,
	}
	if d.log != nil {
		parts.Log = d.log
	}
	if d.attest != nil {
		parts.Attester = d.attest
	}
	if d.detections != nil {
		parts.Refused = d.detections.write
	}
	if d.memory != nil {
		parts.Memory = d.memory
	}
	d.server = server.New(parts)
	d.grpc = d.server.GRPC()
	return nil
}

func (d *driver) makeSocket() (*socket.Socket, error) {
	if d.options.BindSocket != "" {
		d.logger.Warn("development: the socket takes only our own user, and there is no trust boundary between us and the gateway")
		return socket.Listen(socket.Options{Path: d.conf.Socket.Path, GID: -1, Mode: 0o600})
	}
	if socket.Activated() {
		return socket.FromSystemd(d.conf.Socket.Path)
	}
	gid, err := d.conf.Socket.GID()
	if err != nil {
		return nil, err
	}
	return socket.Listen(socket.Options{Path: d.conf.Socket.Path, GID: gid, Mode: 0o660})
}

func (d *driver) peers(conf *Config) *socket.PeerList {
	if d.options.BindSocket != "" {
		return socket.SameUser(uint32(os.Geteuid()))
	}
	return conf.PeerList()
}

// watch opens the admin listener.
func (d *driver) watch(context.Context) error {
	d.metrics.Watch(Readings{
		Cold:         d.server.Cold,
		CacheEntries: func() int { n, _ := d.server.Cached(); return n },
		CacheBytes:   func() int { _, n := d.server.Cached(); return n },
		IndexEntries: func() int { n, _ := d.index.Current().Size(); return n },
		IndexFiles:   func() int { _, n := d.index.Current().Size(); return n },
		IndexWaiting: d.index.Waiting,
		PassedOver:   func() map[trust.Reason]int { return d.index.Current().PassedOver() },
		Connections:  d.listener.Open,
		JournalSize:  func() uint64 { return d.record.Head().Size },
		JournalWorks: d.server.Recording,
		Log:          d.logReading(),
		Memory:       d.memoryReading(),
		Trust:        d.trustState,
	})
	d.metrics.registry.MustRegister(d.lives, &endings{d.now, d.server.EndingWithin})
	if d.conf.Admin.Listen == "" {
		return nil
	}
	l, err := d.adminListener()
	if err != nil {
		return d.conf.Fault("admin.listen", err, "choose a free address")
	}
	d.probes = []probe{
		{Name: "trust", Well: func() bool { return d.healthy("trust") }},
		{Name: "audit", Well: d.server.Recording},
		{Name: "memory", Well: d.server.Remembering},
		{Name: "reserve", Well: func() bool { return d.conf.checkReserve() == nil }},
		{Name: "socket", Well: d.socketsInPlace},
	}
	handler := adminHandler(d.metrics, d.probes)
	if d.adminSocket != nil { // who reaches a port is anybody on the machine
		d.operators(handler)
	}
	d.admin = serveAdmin(l, handler, d.logger.Named("admin"))
	return nil
}

func (d *driver) adminListener() (net.Listener, error) {
	if strings.HasPrefix(d.conf.Admin.Listen, "/") {
		var err error
		d.adminSocket, err = socket.Listen(socket.Options{Path: d.conf.Admin.Listen, GID: -1, Mode: 0o660})
		return d.adminSocket, err
	}
	return net.Listen("tcp", d.conf.Admin.Listen)
}

func (d *driver) healthy(service string) bool {
	well, _ := d.server.Healthy(service)
	return well
}

func (d *driver) trustState() (epoch uint64, state verifier.TrustState) {
	trust := d.keeper.Current().Trust
	if trust != nil {
		epoch = trust.Epoch()
	}
	now, err := d.clock.Now()
	if err != nil {
		return epoch, verifier.TrustState{} // a clock that is wrong says nothing of its age
	}
	return epoch, trust.State(now)
}

// serve answers until the context ends.
func (d *driver) serve(ctx context.Context, hangup <-chan os.Signal) error {
	d.background.Go(func() { d.keeper.Run(d.inner) })
	d.background.Go(func() { d.lives.Run(d.inner, d.keeper.Changed) })
	d.background.Go(func() { d.server.CountServed(d.inner) })
	d.background.Go(func() { d.server.DecideAhead(d.inner) })
	d.background.Go(func() { d.keepSockets(d.inner) })
	failed := make(chan error, 2)
	go func() { failed <- d.grpc.Serve(d.listener) }()
	if d.second != nil {
		go func() { failed <- d.second.serve() }()
		d.logger.Info("intercepting", "socket", d.conf.Interceptor.Path, "gateway", d.conf.Interceptor.GatewayID)
	}
	d.logger.Info("serving", "socket", d.conf.Socket.Path)
	if d.options.Ready != nil {
		d.options.Ready()
	}
	d.notify("READY=1")
	watchdog, stop := d.watchdog()
	defer stop()
	for {
		select {
		case <-watchdog:
			// A lock that is never released would keep this from answering.
			d.server.Recording()
			d.healthy("trust")
			d.notify("WATCHDOG=1")
		case <-hangup:
			d.reload()
		case err := <-failed:
			return err
		case <-ctx.Done():
			d.logger.Info("stopping")
			d.notify("STOPPING=1")
			return nil
		}
	}
}

// reload reads the configuration again. One that does not check changes nothing.
func (d *driver) reload() {
	d.index.Rescan()
	d.keeper.Kick()
	d.lives.Look()
	if err := d.detections.reopen(); err != nil {
		d.logger.Error("log.detections was not opened again", "error", err)
	}
	next, err := LoadConfig(d.options.ConfigFile)
	if err != nil {
		d.logger.Error("the configuration was not read again", "error", err)
		return
	}
	if d.options.BindSocket != "" {
		next.Socket = d.conf.Socket
	}
	if keys := d.conf.NeedRestart(next); len(keys) > 0 {
		d.logger.Warn("the configuration has changes that need a restart", "keys", strings.Join(keys, ", "))
	}
	d.listener.SetList(d.peers(next))
	if d.second != nil {
		d.second.listener.SetList(d.peers(next))
	}
	d.logger.SetLevel(hclog.LevelFromString(next.Log.Level))
	d.keeper.SetInterval(time.Duration(next.Trust.RefreshInterval))
	d.logger.Info("configuration read again")
}

// close takes down what start brought up, in reverse. Calls under way are
// finished, and what they decided is durable, before anything is closed.
func (d *driver) close() error {
	var errs []error
	if d.grpc != nil {
		d.drain()
	}
	if d.socket != nil {
		d.socket.Close()
	}
	if d.admin != nil {
		errs = append(errs, d.admin.Close())
	}
	if d.cancel != nil {
		d.cancel()
		d.background.Wait()
	}
	if d.client != nil {
		errs = append(errs, d.client.Close())
	}
	if d.log != nil { // before the record, whose journal it reads
		errs = append(errs, d.log.Close())
	}
	if d.record != nil {
		errs = append(errs, d.record.Close())
	}
	if d.detections != nil {
		errs = append(errs, d.detections.file.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}

// drain lets calls under way finish, for at most drainTime. A connection without any is
// not waited for: until this process is gone, callers are refused.
func (d *driver) drain() {
	d.server.Stop()
	servers := []*grpc.Server{d.grpc}
	d.socket.Close() // nobody new should try
	if d.second != nil {
		servers = append(servers, d.second.grpc)
		d.second.socket.Close()
	}
	var stopping sync.WaitGroup
	for _, g := range servers {
		stopping.Go(g.GracefulStop)
	}
	done := make(chan struct{})
	go func() { defer close(done); stopping.Wait() }()
	if !d.idle(done) {
		d.logger.Warn("some calls did not finish in time")
	}
	for _, g := range servers {
		g.Stop()
	}
	<-done
}

// idle waits until every connection has ended or no call was under way for idleTime, and
// reports whether that came before drainTime was over.
func (d *driver) idle(done <-chan struct{}) bool {
	look := time.NewTicker(idleTime / 10)
	defer look.Stop()
	begin := time.Now()
	for last := begin; ; {
		select {
		case <-done:
			return true
		case now := <-look.C:
			if d.server.Admission.Open() > 0 {
				last = now
			}
			switch {
			case now.Sub(last) >= idleTime:
				return true
			case now.Sub(begin) >= drainTime:
				return false
			}
		}
	}
}
