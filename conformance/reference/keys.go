package reference

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// maxKeys bounds how many keys a server holds.
const maxKeys = 200_000

// The states of a key.
const (
	stateEnabled  = "enabled"
	stateDisabled = "disabled"
	stateRevoked  = "revoked"
)

// A key is one credential. Of its secret only the hash is kept, unless the vendor's way of
// signing in needs more.
type key struct {
	id, name string
	state    string
	granted  []perm.Permission // as last written
	inForce  []perm.Permission // what decides: lags behind granted where the catalog says so
	holds    holdings          // inForce and what it implies
	sharing  map[string]string // object -> option
	lists    map[string][]string
	owner    string
	expires  time.Time // zero: never
	hash     [sha256.Size]byte
	prefix   string // of the secret, for servers that are wrong about it
	secret   string // where the keystore keeps secrets
	renewed  int    // how often it was enabled again after it was revoked

	before  holdings // what it held before its grants were last changed
	changed time.Time
}

// nobody stands for the sender of a request without a valid key.
var nobody = &key{}

// keyOf says what is asked for when a key is made. Nil members are not limited.
type keyOf struct {
	name    string
	grant   []perm.Permission
	state   string
	sharing map[string]string
	lists   map[string][]string
	owner   string
	expires time.Time
}

// A keystore is safe for concurrent use. Keys that it returns are not changed
// afterwards: a change stores a new value.
type keystore struct {
	mu     sync.RWMutex
	byID   map[string]*key
	byHash map[[sha256.Size]byte]*key
	next   int
	owners map[string]bool // disabled ones
	// dead are the keys that were deleted, and rotated the secrets that were replaced, for
	// servers that go on taking them.
	keepDead bool
	dead     map[[sha256.Size]byte]*key
	rotated  map[[sha256.Size]byte]string
	journal  *journal // nil: none
	unlock   func()   // gives the journal free
	// keepSecrets says that secrets are kept as they are: of an API whose clients sign with them.
	keepSecrets bool
	changed     func(was, now *key) // is told of changes; nil: nobody is
}

func newKeystore() *keystore {
	return &keystore{byID: map[string]*key{}, byHash: map[[sha256.Size]byte]*key{}, owners: map[string]bool{},
		dead: map[[sha256.Size]byte]*key{}, rotated: map[[sha256.Size]byte]string{}}
}

// secretPrefix begins each secret, and has as many characters as a server that looks at
// the first ones only compares besides.
const (
	secretPrefix  = "pcref_"
	comparedChars = len(secretPrefix) + 12
)

func newSecret() string { return secretPrefix + rand.Text() }

var errFull = fmt.Errorf("the server holds %d keys already", maxKeys)

// mint stores a new key and returns it with its secret.
func (ks *keystore) mint(of keyOf, v *vocabulary) (*key, string, error) {
	secret := newSecret()
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if len(ks.byID) >= maxKeys {
		return nil, "", errFull
	}
	ks.next++
	k := &key{
		id: fmt.Sprintf("key-%d", ks.next), name: of.name, state: of.state,
		granted: of.grant, inForce: of.grant, holds: v.holdings(of.grant), before: v.holdings(of.grant),
		sharing: of.sharing, lists: of.lists, owner: of.owner, expires: of.expires,
		hash: sha256.Sum256([]byte(secret)), prefix: secret[:comparedChars],
	}
	if ks.keepSecrets {
		k.secret = secret
	}
	if err := ks.store(k); err != nil {
		ks.next--
		return nil, "", err
	}
	ks.tell(nil, k)
	return k, secret, nil
}

// store writes a key down and puts it where it is found.
func (ks *keystore) store(k *key) error {
	if err := ks.journal.key(k); err != nil {
		return err
	}
	ks.byID[k.id], ks.byHash[k.hash] = k, k
	return nil
}

func (ks *keystore) get(id string) *key {
	ks.mu.RLock()
	defer ks.mu.RUnlock()
	return ks.byID[id]
}

// errNoKey says that there is no key of an id.
var errNoKey = errors.New("no such key")

// update replaces a key by what change makes of a copy of it.
func (ks *keystore) update(id string, change func(*key)) (*key, error) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	old := ks.byID[id]
	if old == nil {
		return nil, errNoKey
	}
	k := *old
	change(&k)
	if err := ks.store(&k); err != nil {
		return nil, err
	}
	if k.hash != old.hash {
		delete(ks.byHash, old.hash)
	}
	ks.tell(old, &k)
	return &k, nil
}

// rotate gives a key a new secret.
func (ks *keystore) rotate(id string) (*key, string, error) {
	secret := newSecret()
	var was [sha256.Size]byte
	k, err := ks.update(id, func(k *key) {
		was = k.hash
		k.hash, k.prefix = sha256.Sum256([]byte(secret)), secret[:comparedChars]
		if ks.keepSecrets {
			k.secret = secret
		}
	})
	if err != nil {
		return nil, "", err
	}
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if ks.keepDead {
		ks.rotated[was] = id
	}
	return k, secret, nil
}

func (ks *keystore) remove(id string) error {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	k := ks.byID[id]
	if k == nil {
		return errNoKey
	}
	if err := ks.journal.gone(id); err != nil {
		return err
	}
	delete(ks.byID, id)
	delete(ks.byHash, k.hash)
	if ks.keepDead {
		ks.dead[k.hash] = k
	}
	ks.tell(k, nil)
	return nil
}

// setOwner disables or enables all keys of an owner.
func (ks *keystore) setOwner(owner string, disabled bool) error {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if err := ks.journal.owner(owner, disabled); err != nil {
		return err
	}
	if disabled {
		ks.owners[owner] = true
	} else {
		delete(ks.owners, owner)
	}
	return nil
}

func (ks *keystore) ownerDisabled(owner string) bool {
	ks.mu.RLock()
	defer ks.mu.RUnlock()
	return ks.owners[owner]
}

// all returns the keys in the order in which they were made.
func (ks *keystore) all() []*key {
	ks.mu.RLock()
	defer ks.mu.RUnlock()
	return sortedKeys(ks.byID)
}

func sortedKeys(byID map[string]*key) []*key {
	return slices.SortedFunc(maps.Values(byID), func(a, b *key) int {
		if len(a.id) != len(b.id) {
			return len(a.id) - len(b.id)
		}
		return strings.Compare(a.id, b.id)
	})
}

// regrant changes what a key holds; where the catalog says so that waits until the key is
// revoked and enabled.
func (s *Server) regrant(k *key, grant []perm.Permission) {
	k.granted = grant
	if !s.onEnable {
		s.enforce(k)
	}
}

func (s *Server) enforce(k *key) {
	k.before, k.changed = k.holds, s.now()
	k.inForce, k.holds = k.granted, s.vocab.holdings(k.granted)
}

// setState disables, revokes or enables a key.
func (s *Server) setState(k *key, state string) {
	if state == stateEnabled && k.state == stateRevoked {
		s.enforce(k)
		k.renewed++
	}
	k.state = state
}

// identity is what a key may know about itself.
func (k *key) identity() object {
	if k == nobody {
		return object{"id": nil, "name": "anonymous"}
	}
	o := object{"id": k.id, "name": k.name, "state": k.state, "grants": grantsOf(k.inForce)}
	if len(k.sharing) > 0 {
		o["sharing"] = k.sharing
	}
	if len(k.lists) > 0 {
		o["lists"] = k.lists
	}
	if k.owner != "" {
		o["owner"] = k.owner
	}
	if !k.expires.IsZero() {
		o["expires_at"] = k.expires.UTC().Format(time.RFC3339)
	}
	return o
}

func grantsOf(grant []perm.Permission) []perm.Permission {
	if grant == nil {
		return []perm.Permission{}
	}
	return grant
}
