package conformance

import (
	"context"
	"errors"
	"time"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// An Action is something that can be done to a key. The catalog's credentials.actions may
// name others.
type Action string

// The usual actions.
const (
	Regrant      Action = "regrant" // change what it holds
	Disable      Action = "disable"
	Enable       Action = "enable"
	Revoke       Action = "revoke"
	Delete       Action = "delete"
	Rotate       Action = "rotate"        // give it a new secret
	Expire       Action = "expire"        // set when it expires, or expired
	DisableOwner Action = "disable-owner" // disable the account that it belongs to
	EnableOwner  Action = "enable-owner"
)

// A KeySpec says what a key is to be.
type KeySpec struct {
	Name    string
	Grants  perm.Set
	Sharing map[string]string   // object -> option
	Lists   map[string][]string // allow list -> attributes
	Expires time.Time           // zero: never
	// Owner names the account that it is to belong to, where a provisioner lets one choose.
	Owner string
}

// A MintedKey is a key that a provisioner made or changed.
type MintedKey struct {
	ID         string // the provisioner's name for it
	Owner      string // and for the account that it belongs to; "" when it does not say
	Credential Credential
}

// ErrNotEditable says that who keeps the keys does not let one be changed.
var ErrNotEditable = errors.New("the key cannot be edited")

// A Provisioner makes keys and changes them. Its errors hold no secret. It may be used
// concurrently.
type Provisioner interface {
	// Can reports whether there is a way to do the action; "" asks for minting.
	Can(Action) bool
	Mint(context.Context, KeySpec) (MintedKey, error)
	// Do does an action to a key that Mint made. For Regrant and Expire spec says what it is
	// to be from now on. It returns the key with the credential that is to be shown next.
	Do(ctx context.Context, key MintedKey, action Action, spec KeySpec) (MintedKey, error)
}
