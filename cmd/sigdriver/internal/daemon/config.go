// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package daemon

//go:generate go run ./gen -o ../../../../docs/config.md -example ../../../../packaging/sigdriver.toml -pages ../cli/configpages.go

import (
	"time"
)

// Config is the configuration of `sigdriver serve`: one strict TOML file. A key
// that is not listed here is an error. The comments are the manual; docs/config.md
// is made from them. What is enforced is not configured here: rules, keys,
// thresholds and how long trust may be stale arrive signed, and no setting of this
// file can weaken them.
type Config struct {
	// StateDir is where the driver keeps what must survive a restart: accepted
	// trust, floors, the audit journal and the archive. Required. Absolute. The
	// folder is ours alone, mode 0700, and loses the bits of its group at the start; it is made if its parent exists. One driver
	// at a time. Back it up whole, or not at all.
	StateDir string `toml:"state_dir"`

	// Socket is where the gateway connects.
	Socket SocketConfig `toml:"socket"`

	// Peer is who may call, one table for each: a connection of anybody else is
	// closed unread. At least one is required.
	Peer []PeerConfig `toml:"peer"`

	// Trust is where rules and keys come from.
	Trust TrustConfig `toml:"trust"`

	// Attestations is where the driver looks for attestations that are neither in
	// the request nor published through TUF.
	Attestations AttestationsConfig `toml:"attestations"`

	// Audit bounds what refusals may write.
	Audit AuditConfig `toml:"audit"`

	// Transparency makes a transparency log of the journal, which auditors can
	// follow. Without it the journal's own chain is all that binds its entries.
	Transparency TransparencyConfig `toml:"transparency"`

	// Attest is how the driver signs receipts of what it allowed. Without it the
	// Attest call is not served.
	Attest AttestConfig `toml:"attest"`

	// Memory is what this driver shares with others of a fleet. Without it the driver
	// remembers alone, in its state folder. It is what was allowed where, durable, and no
	// RAM: limits.memory_mib bounds that.
	Memory MemoryConfig `toml:"memory"`

	// Limits say how much RAM the driver takes. The table memory is about something else:
	// what drivers remember together.
	Limits LimitsConfig `toml:"limits"`

	// Admin is for metrics and probes.
	Admin AdminConfig `toml:"admin"`

	// Interceptor is for a gateway without the hook: it asks before it stores.
	Interceptor InterceptorConfig `toml:"interceptor"`

	// Log is for people; the audit journal is the record.
	Log LogConfig `toml:"log"`

	// lines says where each key was read, for errors.
	lines  map[string]int
	file   string
	sha256 [32]byte
}

// SocketConfig is the Unix socket of the contract.
type SocketConfig struct {
	// Path is the socket. Required. Absolute, at most 103 bytes. Its folder is the
	// driver's, not writable to others; it is made with mode 0750 if its parent
	// exists. Under systemd socket activation it must be the unit's ListenStream=.
	Path string `toml:"path"`
	// Group is the group that may open the socket: a name or a number. Optional:
	// the driver's own group. The socket's mode is 0660.
	Group string `toml:"group"`
}

// PeerConfig is one process that may call, known by what the kernel says of it.
type PeerConfig struct {
	// UID is the user that the gateway runs as. One of uid and gid is required.
	UID *uint32 `toml:"uid"`
	// GID is the primary group that the gateway runs with.
	GID *uint32 `toml:"gid"`
	// GatewayIDs are the gateways that it may ask about. Required; exact names, each
	// at most 253 bytes. A request about another one is refused before it is read.
	GatewayIDs []string `toml:"gateway_ids"`
}

// TrustConfig is where trust comes from.
type TrustConfig struct {
	// Root is the file of the TUF root metadata that everything follows from.
	// Required. Absolute. It came to this machine by a way you trust.
	Root string `toml:"root"`
	// Source is the repository: an absolute folder, or a file, http or https URL.
	// Required. It is trusted with nothing but delivery.
	Source string `toml:"source"`
	// RefreshInterval is how often the source is asked, give or take a tenth.
	// Optional: "1m". From "1s" to "24h". SIGHUP asks at once.
	RefreshInterval Duration `toml:"refresh_interval"`
}

// AttestationsConfig is a local cache of attestations.
type AttestationsConfig struct {
	// Dir is a folder of Sigstore bundles and DSSE envelopes, one or several a file, as
	// in JSON Lines, also in folders below. Optional: none. Absolute. It is not
	// trusted: only what verifies is looked at. Links are followed, as in the volumes
	// of Kubernetes; names that begin with a dot are files in the making. It is read
	// again every 2 s and on SIGHUP. What is not used is named in the log and by
	// `sigdriver serve --check`.
	Dir string `toml:"dir"`
}

// AuditConfig bounds the journal.
type AuditConfig struct {
	// DenyPerMinute is how many refusals of one peer about one sandbox are recorded
	// one by one each minute, and 64 times as many about all of them; further ones are
	// counted. The first for each reason about a sandbox that was allowed before is
	// recorded in any case. Optional: 30. From 1 to 10000.
	DenyPerMinute int `toml:"deny_per_minute"`
	// ReserveMiB is the free disk space that is kept for recording ALLOWs. It is less
	// than the volume of state_dir. Optional: 64. From 1 to 65536.
	ReserveMiB int `toml:"reserve_mib"`
}

// TransparencyConfig is the log in state_dir/log.
type TransparencyConfig struct {
	// Key is what the log's checkpoints are signed with: the absolute path of an
	// Ed25519 key in PKCS#8 PEM, unencrypted, mode 0600 or less, or 0440 of the driver's own group. Optional: without it
	// there is no log. It signs nothing else: trust that lets it approve policies is
	// refused. `sigdriver serve --check` prints its public half for auditors.
	Key string `toml:"key"`
	// Origin is the log's name in its checkpoints, such as
	// "example.com/sigdriver/gw-1". Required with key. No two logs share one, and it
	// is never changed.
	Origin string `toml:"origin"`
	// Witness is somebody else who sees each checkpoint before it counts, one table
	// for each. Optional: none.
	Witness []WitnessConfig `toml:"witness"`
	// WitnessQuorum is how many of the witnesses have to sign a checkpoint.
	// Optional: all of them.
	WitnessQuorum int `toml:"witness_quorum"`
	// WitnessRequired is whether ALLOWs stop while the witnesses refuse a checkpoint,
	// have not confirmed the log since the start, or keep an entry waiting for 10 s.
	// Optional: false, when the checkpoint waits for them and decisions do not.
	WitnessRequired bool `toml:"witness_required"`
}

// WitnessConfig is a witness of the C2SP tlog-witness protocol.
type WitnessConfig struct {
	// Key is the witness's public key, NAME+HASH+KEY, of a cosignature/v1 key.
	// Required.
	Key string `toml:"key"`
	// URL is where it answers: add-checkpoint below it, https or http. Required.
	URL string `toml:"url"`
}

// AttestConfig is the driver's own key.
type AttestConfig struct {
	// DriverID is the driver's name in receipts and in drivers.json. Required with
	// key; 1 to 253 bytes.
	DriverID string `toml:"driver_id"`
	// Key is what receipts are signed with: the absolute path of an ECDSA P-256 or
	// Ed25519 key in PKCS#8 PEM, unencrypted, mode 0600 or less, or 0440 of the driver's own group. Or, in a build with
	// `-tags pkcs11`, an ECDSA P-256 key in a token, as
	// "pkcs11:token=LABEL;object=LABEL?module-path=/LIBRARY&pin-source=file:/PIN".
	// Required with driver_id. It signs nothing else but the rows that
	// the driver raises in a shared memory, and the nonces of `sigdriver doctor`: trust
	// that lets it approve policies is refused.
	Key string `toml:"key"`
}

// MemoryConfig is the memory that several drivers share. docs/memory.md is its manual.
type MemoryConfig struct {
	// Postgres is the database, as "postgres://ROLE@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE",
	// or "postgres://ROLE@/DATABASE?host=FOLDER" for a Unix socket. Optional: the driver
	// remembers alone. Nothing is taken from PG… variables of the environment. The schema
	// and the role are what `sigdriver memory init --print` prints; a role that may do more is
	// refused.
	Postgres string `toml:"postgres"`
	// PasswordFile is an absolute path to the role's password, mode 0600 or less, or 0440
	// of the driver's own group. Optional: the database asks for none.
	PasswordFile string `toml:"password_file"`
	// DriverID is the driver's name in the memory: no two drivers of one memory share it.
	// Required with postgres where there is no attest.driver_id, which it is then.
	DriverID string `toml:"driver_id"`
}

// LimitsConfig bounds memory. What one caller may hold is bounded for itself.
type LimitsConfig struct {
	// AnswersMiB is the memory for answers that are given again without deciding anew: about
	// 1.5 KiB for a sandbox with three profiles. Where they do not fit, as many are
	// found as do, and each uid has an equal share of it or what it wants. Optional: 64.
	// From 1 to 16384.
	AnswersMiB int `toml:"answers_mib"`
	// MemoryMiB is the memory from which on garbage is collected at any price, as
	// GOMEMLIMIT, which wins. Optional: 160 and answers_mib, within nine tenths of the
	// memory.max of the driver's cgroup. From 1 to 1048576.
	MemoryMiB int `toml:"memory_mib"`
}

// AdminConfig is the listener of /metrics, /live and /ready, and on a Unix socket also of
// `sigdriver status`, `ask` and `doctor`.
type AdminConfig struct {
	// Listen is a loopback address, such as "127.0.0.1:9464", or the absolute path
	// of a Unix socket. Optional: no listener.
	Listen string `toml:"listen"`
}

// InterceptorConfig is a second socket, on which the driver speaks OpenShell's interceptor
// contract. It gives early feedback when policies and profiles are written; the
// boundary is the hook. Who may call is said by peer.
type InterceptorConfig struct {
	// Path is the socket, under the same demands as socket.path, with the same group.
	// Optional: no interceptor.
	Path string `toml:"path"`
	// GatewayID is the gateway that calls: its requests do not say. Required with
	// path. The caller's peer must list it.
	GatewayID string `toml:"gateway_id"`
}

// LogConfig is what goes to standard error.
type LogConfig struct {
	// Level is "error", "warn", "info" or "debug". Optional: "info". At "debug" each
	// cached answer has its line too.
	Level string `toml:"level"`
	// Format is "text" or "json". Optional: "text".
	Format string `toml:"format"`
	// Detections is a file to which each refusal that has an entry is appended, a line of
	// JSON each: a Detection Finding of OCSF. Optional: none. Absolute. SIGHUP opens it anew.
	Detections string `toml:"detections"`
}

// Duration is a time.Duration that is written like "90s".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// defaultConfig is the configuration of an empty file.
func defaultConfig() *Config {
	return &Config{
		Trust:  TrustConfig{RefreshInterval: Duration(time.Minute)},
		Audit:  AuditConfig{DenyPerMinute: 30, ReserveMiB: 64},
		Limits: LimitsConfig{AnswersMiB: 64},
		Log:    LogConfig{Level: "info", Format: "text"},
	}
}
