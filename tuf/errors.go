// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package tuf

import (
	"errors"
	"fmt"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/sigdriver/sigdriver/internal/printable"
)

// The codes of trust events. Code returns the one that an error of this package
// belongs to; docs/reasons.md has a paragraph for each.
const (
	CodeSignature  = "TUF_SIGNATURE"
	CodeVersion    = "TUF_VERSION"
	CodeExpired    = "TUF_EXPIRED"
	CodeLength     = "TUF_LENGTH"
	CodeHash       = "TUF_HASH"
	CodeDelegation = "TUF_DELEGATION"
	CodeDownload   = "TUF_DOWNLOAD"
	// CodeNotMetadata is for whoever runs the source, not for those who sign.
	CodeNotMetadata = "TUF_NOT_METADATA"
	CodeRollback    = "TRUST_ROLLBACK"
	CodeStale       = "TRUST_STALE"
	CodeCorrupt     = "TRUST_CORRUPT"
	CodeConfig      = "CONFIG_INVALID"
)

// Code returns the code of the first error in err's tree that has one, "" if none has.
func Code(err error) string {
	var coded interface{ Code() string }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return ""
}

// SignatureError: metadata that fewer keys than the threshold have signed.
type SignatureError struct {
	Role string
	Err  error // what go-tuf said
}

func (e *SignatureError) Error() string {
	return fmt.Sprintf("%s is not signed by enough of its keys: %s", printable.Quote(e.Role), printable.Clip(e.Err.Error()))
}
func (e *SignatureError) Unwrap() error { return e.Err }
func (e *SignatureError) Code() string  { return CodeSignature }

// FormatError: bytes that are not strict TUF metadata, so that no signature on
// them means anything.
type FormatError struct {
	Role string
	Text string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s is not valid metadata: %s", printable.Quote(e.Role), e.Text)
}
func (e *FormatError) Code() string { return CodeSignature }

// KeyError: a key, listed for a role, that cannot be used.
type KeyError struct {
	Role  string // the metadata that lists it
	KeyID string
	Text  string
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("%s lists key %s, which is %s", printable.Quote(e.Role), printable.Quote(e.KeyID), e.Text)
}
func (e *KeyError) Code() string { return CodeSignature }

// VersionError: a version other than the one that the metadata above it names.
type VersionError struct {
	Role      string
	Want, Got int64
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has version %d where %d was announced", printable.Quote(e.Role), e.Got, e.Want)
}
func (e *VersionError) Code() string { return CodeVersion }

// RollbackError: something older than what this client has already seen. Got is 0
// when it is gone altogether.
type RollbackError struct {
	Role      string // a TUF role, or "epoch"
	Have, Got int64
}

func (e *RollbackError) Error() string {
	return fmt.Sprintf("%s went back from version %d to %d: the source is outdated or hostile; trust stays as it was", printable.Quote(e.Role), e.Have, e.Got)
}
func (e *RollbackError) Code() string { return CodeRollback }

// ExpiredError: metadata past its expiry at the reference time Now.
type ExpiredError struct {
	Role         string
	Expires, Now time.Time
}

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("%s expired at %s (now %s): it must be signed anew", printable.Quote(e.Role), e.Expires.Format(time.RFC3339), e.Now.Format(time.RFC3339))
}
func (e *ExpiredError) Code() string { return CodeExpired }

// LengthError: a file of another length than signed, or beyond its limit. Want is
// the length or limit; Got is -1 when reading stopped at the limit.
type LengthError struct {
	File      string
	Want, Got int64
	Text      string // more, if there is more to say
}

func (e *LengthError) Error() string {
	switch {
	case e.Text != "":
		return fmt.Sprintf("%s: %s", printable.Quote(e.File), e.Text)
	case e.Got < 0:
		return fmt.Sprintf("%s is longer than %d bytes", printable.Quote(e.File), e.Want)
	}
	return fmt.Sprintf("%s has %d bytes, want %d", printable.Quote(e.File), e.Got, e.Want)
}
func (e *LengthError) Code() string { return CodeLength }

// HashError: a file whose digest is not the signed one, or that has none we know.
type HashError struct {
	File string
	Text string
}

func (e *HashError) Error() string { return fmt.Sprintf("%s: %s", printable.Quote(e.File), e.Text) }
func (e *HashError) Code() string  { return CodeHash }

// DelegationError: a target path that no role may sign, or a role that may not be
// used the way it was reached.
type DelegationError struct {
	Path string // the target path
	Role string // the role concerned, "" if none
	Text string
}

func (e *DelegationError) Error() string {
	if e.Role == "" {
		return fmt.Sprintf("target %s: %s", printable.Quote(e.Path), e.Text)
	}
	return fmt.Sprintf("target %s: role %s %s", printable.Quote(e.Path), printable.Quote(e.Role), e.Text)
}
func (e *DelegationError) Code() string { return CodeDelegation }

// DownloadError: a file that could not be fetched. Status is the HTTP status, 404
// also for a missing file in a folder, 0 when there was none. A status unwraps to
// a *metadata.ErrDownloadHTTP.
type DownloadError struct {
	File   string
	Status int
	Err    error
}

func (e *DownloadError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("cannot fetch %s: status %d", printable.Quote(e.File), e.Status)
	}
	return fmt.Sprintf("cannot fetch %s: %s", printable.Quote(e.File), printable.Clip(e.Err.Error()))
}
func (e *DownloadError) Code() string { return CodeDownload }
func (e *DownloadError) Unwrap() error {
	if e.Err == nil {
		return &metadata.ErrDownloadHTTP{StatusCode: e.Status, URL: e.File}
	}
	return e.Err
}

// CorruptError: our own state does not hold together: edited, cut or mixed.
type CorruptError struct {
	File string
	Text string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is damaged: %s", printable.Quote(e.File), e.Text)
}
func (e *CorruptError) Code() string { return CodeCorrupt }

// OtherRootError: the state folder belongs to another repository than the pinned
// root does. An operator cannot accept that.
type OtherRootError struct {
	Dir     string
	Version int64 // of the pinned root
}

func (e *OtherRootError) Error() string {
	return fmt.Sprintf("%s was made for another root %d than the pinned one", printable.Quote(e.Dir), e.Version)
}
func (e *OtherRootError) Code() string { return CodeCorrupt }

// FloorsLostError: the state folder has been in use, but the floors that protect it
// against rollback are gone or damaged.
type FloorsLostError struct {
	File  string
	Found string // what is still there of it
}

func (e *FloorsLostError) Error() string {
	return fmt.Sprintf("%s is missing or damaged although %s exists: rollback can no longer be ruled out; restore it, or start once with the operator's word that this is known (accept lost floors)", printable.Quote(e.File), e.Found)
}
func (e *FloorsLostError) Code() string { return CodeRollback }

// RootLimitError: the source has more new roots than one refresh may take. What
// was taken is kept, so the next refresh goes on from there.
type RootLimitError struct {
	Version int64 // the last root that was verified
	Limit   int
}

func (e *RootLimitError) Error() string {
	return fmt.Sprintf("more than %d roots behind: stopped at root %d, refresh again", e.Limit, e.Version)
}
func (e *RootLimitError) Code() string { return CodeStale }

// LockedError: another process uses the state folder.
type LockedError struct{ Path string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is locked by another process", printable.Quote(e.Path))
}
func (e *LockedError) Code() string { return CodeConfig }

// StoreError: a file operation on our own state failed; nothing was taken over.
type StoreError struct {
	Op, Path string
	Err      error
}

func (e *StoreError) Error() string {
	return fmt.Sprintf("%s %s: %v", e.Op, printable.Quote(e.Path), e.Err)
}
func (e *StoreError) Unwrap() error { return e.Err }
func (e *StoreError) Code() string  { return CodeDownload }

// PanicError: a library panicked on what it was given; trust stays as it was.
type PanicError struct{ Value string }

func (e *PanicError) Error() string { return "a library panicked: " + printable.Clip(e.Value) }
func (e *PanicError) Code() string  { return CodeCorrupt }

// caught turns a panic of a library into an error. Use: defer caught(&err).
func caught(err *error) {
	if r := recover(); r != nil {
		*err = &PanicError{fmt.Sprint(r)}
	}
}
