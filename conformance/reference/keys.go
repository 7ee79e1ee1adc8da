package reference

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

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

// A key is one credential. Its secret is not kept, only the hash.
type key struct {
	id, name string
	state    string
	granted  []perm.Permission // as last written
	inForce  []perm.Permission // what decides: lags behind granted where the catalog says so
	holds    holdings          // inForce and what it implies
	hash     [sha256.Size]byte
}

// A keystore is safe for concurrent use. Keys that it returns are not changed
// afterwards: a change stores a new value.
type keystore struct {
	mu     sync.RWMutex
	byID   map[string]*key
	byHash map[[sha256.Size]byte]*key
	next   int
}

func newKeystore() *keystore {
	return &keystore{byID: map[string]*key{}, byHash: map[[sha256.Size]byte]*key{}}
}

// mint stores a new enabled key and returns it with its secret.
func (ks *keystore) mint(name string, grant []perm.Permission, v *vocabulary) (*key, string, error) {
	secret := "pcref_" + rand.Text()
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if len(ks.byID) >= maxKeys {
		return nil, "", fmt.Errorf("the server holds %d keys already", maxKeys)
	}
	ks.next++
	k := &key{
		id: fmt.Sprintf("key-%d", ks.next), name: name, state: stateEnabled,
		granted: grant, inForce: grant, holds: v.holdings(grant),
		hash: sha256.Sum256([]byte(secret)),
	}
	ks.byID[k.id], ks.byHash[k.hash] = k, k
	return k, secret, nil
}

func (ks *keystore) get(id string) *key {
	ks.mu.RLock()
	defer ks.mu.RUnlock()
	return ks.byID[id]
}

// update replaces a key by what change makes of a copy of it.
func (ks *keystore) update(id string, change func(*key)) *key {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	old := ks.byID[id]
	if old == nil {
		return nil
	}
	k := *old
	change(&k)
	ks.byID[id], ks.byHash[k.hash] = &k, &k
	return &k
}

func (ks *keystore) remove(id string) bool {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	k := ks.byID[id]
	if k == nil {
		return false
	}
	delete(ks.byID, id)
	delete(ks.byHash, k.hash)
	return true
}

func (ks *keystore) all() []*key {
	ks.mu.RLock()
	defer ks.mu.RUnlock()
	list := make([]*key, 0, len(ks.byID))
	for _, k := range ks.byID {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b *key) int {
		if len(a.id) != len(b.id) {
			return len(a.id) - len(b.id)
		}
		return strings.Compare(a.id, b.id)
	})
	return list
}

// A Caller is what a request proves about its sender.
type Caller uint8

const (
	Anonymous Caller = iota // no credential was sent
	Malformed               // a credential that cannot be one of this server's
	Unknown                 // well formed, but no enabled key
	Valid                   // an enabled key
)

// caller identifies a request. The key is set for Valid only.
func (s *Server) caller(r *http.Request) (Caller, *key) {
	headers := r.Header["Authorization"]
	switch len(headers) {
	case 0:
		return Anonymous, nil
	case 1:
	default:
		return Malformed, nil
	}
	scheme, secret, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || len(secret) < 20 || len(secret) > 100 ||
		strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return Malformed, nil
	}
	s.keys.mu.RLock()
	k := s.keys.byHash[sha256.Sum256([]byte(secret))]
	s.keys.mu.RUnlock()
	if k == nil || k.state != stateEnabled {
		return Unknown, nil
	}
	return Valid, k
}
