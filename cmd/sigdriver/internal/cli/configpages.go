// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

// Code generated from the comments of daemon.Config. DO NOT EDIT.

package cli

// configPages say what each key of the configuration is, in the order of docs/config.md.
var configPages = []configPage{
	{"state_dir", "Where the driver keeps what must survive a restart: accepted trust, floors, the audit journal and the archive. Required. Absolute. The folder is ours alone, mode 0700, and loses the bits of its group at the start; it is made if its parent exists. One driver at a time. Back it up whole, or not at all."},
	{"socket", "Where the gateway connects."},
	{"socket.path", "The socket. Required. Absolute, at most 103 bytes. Its folder is the driver's, not writable to others; it is made with mode 0750 if its parent exists. Under systemd socket activation it must be the unit's ListenStream=."},
	{"socket.group", "The group that may open the socket: a name or a number. Optional: the driver's own group. The socket's mode is 0660."},
	{"peer", "Who may call, one table for each: a connection of anybody else is closed unread. At least one is required."},
	{"peer.uid", "The user that the gateway runs as. One of uid and gid is required."},
	{"peer.gid", "The primary group that the gateway runs with."},
	{"peer.gateway_ids", "The gateways that it may ask about. Required; exact names, each at most 253 bytes. A request about another one is refused before it is read."},
	{"trust", "Where rules and keys come from."},
	{"trust.root", "The file of the TUF root metadata that everything follows from. Required. Absolute. It came to this machine by a way you trust."},
	{"trust.source", "The repository: an absolute folder, or a file, http or https URL. Required. It is trusted with nothing but delivery."},
	{"trust.refresh_interval", "How often the source is asked, give or take a tenth. Optional: \"1m\". From \"1s\" to \"24h\". SIGHUP asks at once."},
	{"attestations", "Where the driver looks for attestations that are neither in the request nor published through TUF."},
	{"attestations.dir", "A folder of Sigstore bundles and DSSE envelopes, one or several a file, as in JSON Lines, also in folders below. Optional: none. Absolute. It is not trusted: only what verifies is looked at. Links are followed, as in the volumes of Kubernetes; names that begin with a dot are files in the making. It is read again every 2 s and on SIGHUP. What is not used is named in the log and by `sigdriver serve --check`."},
	{"audit", "What refusals may write."},
	{"audit.deny_per_minute", "How many refusals of one peer about one sandbox are recorded one by one each minute, and 64 times as many about all of them; further ones are counted. The first for each reason about a sandbox that was allowed before is recorded in any case. Optional: 30. From 1 to 10000."},
	{"audit.reserve_mib", "The free disk space that is kept for recording ALLOWs. It is less than the volume of state_dir. Optional: 64. From 1 to 65536."},
	{"transparency", "A transparency log of the journal, which auditors can follow. Without it the journal's own chain is all that binds its entries."},
	{"transparency.key", "What the log's checkpoints are signed with: the absolute path of an Ed25519 key in PKCS#8 PEM, unencrypted, mode 0600 or less, or 0440 of the driver's own group. Optional: without it there is no log. It signs nothing else: trust that lets it approve policies is refused. `sigdriver serve --check` prints its public half for auditors."},
	{"transparency.origin", "The log's name in its checkpoints, such as \"example.com/sigdriver/gw-1\". Required with key. No two logs share one, and it is never changed."},
	{"transparency.witness_quorum", "How many of the witnesses have to sign a checkpoint. Optional: all of them."},
	{"transparency.witness_required", "Whether ALLOWs stop while the witnesses refuse a checkpoint, have not confirmed the log since the start, or keep an entry waiting for 10 s. Optional: false, when the checkpoint waits for them and decisions do not."},
	{"transparency.witness", "Somebody else who sees each checkpoint before it counts, one table for each. Optional: none."},
	{"transparency.witness.key", "The witness's public key, NAME+HASH+KEY, of a cosignature/v1 key. Required."},
	{"transparency.witness.url", "Where it answers: add-checkpoint below it, https or http. Required."},
	{"attest", "How the driver signs receipts of what it allowed. Without it the Attest call is not served."},
	{"attest.driver_id", "The driver's name in receipts and in drivers.json. Required with key; 1 to 253 bytes."},
	{"attest.key", "What receipts are signed with: the absolute path of an ECDSA P-256 or Ed25519 key in PKCS#8 PEM, unencrypted, mode 0600 or less, or 0440 of the driver's own group. Or, in a build with `-tags pkcs11`, an ECDSA P-256 key in a token, as \"pkcs11:token=LABEL;object=LABEL?module-path=/LIBRARY&pin-source=file:/PIN\". Required with driver_id. It signs nothing else but the rows that the driver raises in a shared memory, and the nonces of `sigdriver doctor`: trust that lets it approve policies is refused."},
	{"memory", "What this driver shares with others of a fleet. Without it the driver remembers alone, in its state folder. It is what was allowed where, durable, and no RAM: limits.memory_mib bounds that."},
	{"memory.postgres", "The database, as \"postgres://ROLE@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE\", or \"postgres://ROLE@/DATABASE?host=FOLDER\" for a Unix socket. Optional: the driver remembers alone. Nothing is taken from PG… variables of the environment. The schema and the role are what `sigdriver memory init --print` prints; a role that may do more is refused."},
	{"memory.password_file", "An absolute path to the role's password, mode 0600 or less, or 0440 of the driver's own group. Optional: the database asks for none."},
	{"memory.driver_id", "The driver's name in the memory: no two drivers of one memory share it. Required with postgres where there is no attest.driver_id, which it is then."},
	{"limits", "How much RAM the driver takes. The table memory is about something else: what drivers remember together."},
	{"limits.answers_mib", "The memory for answers that are given again without deciding anew: about 1.5 KiB for a sandbox with three profiles. Where they do not fit, as many are found as do, and each uid has an equal share of it or what it wants. Optional: 64. From 1 to 16384."},
	{"limits.memory_mib", "The memory from which on garbage is collected at any price, as GOMEMLIMIT, which wins. Optional: 160 and answers_mib, within nine tenths of the memory.max of the driver's cgroup. From 1 to 1048576."},
	{"admin", "For metrics and probes."},
	{"admin.listen", "A loopback address, such as \"127.0.0.1:9464\", or the absolute path of a Unix socket. Optional: no listener."},
	{"interceptor", "For a gateway without the hook: it asks before it stores."},
	{"interceptor.path", "The socket, under the same demands as socket.path, with the same group. Optional: no interceptor."},
	{"interceptor.gateway_id", "The gateway that calls: its requests do not say. Required with path. The caller's peer must list it."},
	{"log", "For people; the audit journal is the record."},
	{"log.level", "\"error\", \"warn\", \"info\" or \"debug\". Optional: \"info\". At \"debug\" each cached answer has its line too."},
	{"log.format", "\"text\" or \"json\". Optional: \"text\"."},
	{"log.detections", "A file to which each refusal that has an entry is appended, a line of JSON each: a Detection Finding of OCSF. Optional: none. Absolute. SIGHUP opens it anew."},
}
