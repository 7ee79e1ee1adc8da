package reference

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// journalVersion is the value of the "permcheck" member of a journal's first line.
const journalVersion = "keys/1"

// Bounds on a journal that is read.
const (
	maxJournal     = 1 << 30
	maxJournalLine = 4 << 20
)

// A journal is a file to which every change of a key is appended, and written through to the
// disk before anybody is told of the change: a server that is killed and started again has
// the same keys. It holds hashes of secrets, and secrets only where an API's clients sign with them. The nil journal keeps nothing.
type journal struct {
	file   *os.File
	broken error // a write failed, so that what follows would not be readable
}

// A line is one entry. Exactly one of its members is set.
type line struct {
	Permcheck string   `json:"permcheck,omitempty"` // the first line
	Catalog   string   `json:"catalog,omitempty"`   // stands in the first line too
	Next      int      `json:"next,omitempty"`      // how many keys were made, also there
	Key       *keyLine `json:"key,omitempty"`       // a key as it now is
	Gone      string   `json:"gone,omitempty"`      // the id of a key that was deleted
	Owner     string   `json:"owner,omitempty"`     // an owner
	Disabled  bool     `json:"disabled,omitempty"`  // whether that one is disabled
}

type keyLine struct {
	ID      string              `json:"id"`
	Name    string              `json:"name"`
	State   string              `json:"state"`
	Grants  []perm.Permission   `json:"grants"`
	InForce []perm.Permission   `json:"in_force"`
	Sharing map[string]string   `json:"sharing,omitempty"`
	Lists   map[string][]string `json:"lists,omitempty"`
	Owner   string              `json:"owner,omitempty"`
	Expires *time.Time          `json:"expires,omitempty"`
	Hash    string              `json:"hash"`             // SHA-256 of the secret
	Secret  string              `json:"secret,omitempty"` // where clients sign with it
	Renewed int                 `json:"renewed,omitempty"`
}

func lineOf(k *key) line {
	l := &keyLine{ID: k.id, Name: k.name, State: k.state, Grants: grantsOf(k.granted), InForce: grantsOf(k.inForce),
		Sharing: k.sharing, Lists: k.lists, Owner: k.owner, Hash: hex.EncodeToString(k.hash[:]), Secret: k.secret, Renewed: k.renewed}
	if !k.expires.IsZero() {
		l.Expires = &k.expires
	}
	return line{Key: l}
}

func (l *keyLine) key(v *vocabulary) (*key, error) {
	k := &key{id: l.ID, name: l.Name, state: l.State, granted: l.Grants, inForce: l.InForce, holds: v.holdings(l.InForce), before: v.holdings(l.InForce),
		sharing: l.Sharing, lists: l.Lists, owner: l.Owner, secret: l.Secret, renewed: l.Renewed}
	if l.Expires != nil {
		k.expires = *l.Expires
	}
	hash, err := hex.DecodeString(l.Hash)
	if err != nil || len(hash) != sha256.Size || l.ID == "" {
		return nil, errors.New("expected a key with an id and the hash of its secret")
	}
	copy(k.hash[:], hash)
	return k, nil
}

// write appends one entry and waits until it is on the disk.
func (j *journal) write(l line) error {
	if j == nil {
		return nil
	}
	if j.broken != nil {
		return j.broken
	}
	data := append(encode(l), '\n')
	if _, err := j.file.Write(data); err != nil {
		j.broken = fmt.Errorf("writing the keys down: %w", err)
		return j.broken
	}
	if err := j.file.Sync(); err != nil {
		j.broken = fmt.Errorf("writing the keys down: %w", err)
	}
	return j.broken
}

func (j *journal) key(k *key) error     { return j.write(lineOf(k)) }
func (j *journal) gone(id string) error { return j.write(line{Gone: id}) }
func (j *journal) owner(name string, disabled bool) error {
	return j.write(line{Owner: name, Disabled: disabled})
}

// openJournal reads the keys that a file holds into the store, makes the file anew without
// what was overtaken, and goes on writing to it. A file that does not exist is made.
// An entry that a killed server left unfinished was never answered, and is dropped; any
// other that cannot be read is an error.
func (ks *keystore) openJournal(path, catalog string, v *vocabulary) error {
	unlock, err := lockFile(path)
	if err != nil {
		return err
	}
	data, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		unlock()
		return err
	default:
		err = ks.replay(path, data, catalog, v)
		data.Close()
		if err != nil {
			unlock()
			return err
		}
	}
	if ks.journal, err = ks.rewrite(path, catalog); err != nil {
		unlock()
		return fmt.Errorf("writing the keys down: %w", err)
	}
	ks.unlock = unlock
	return nil
}

// replay applies the entries of a journal in order.
func (ks *keystore) replay(path string, data *os.File, catalog string, v *vocabulary) error {
	info, err := data.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxJournal {
		return fmt.Errorf("%s is no journal of keys: expected a file of at most %d bytes", path, maxJournal)
	}
	r := bufio.NewReaderSize(data, 64<<10)
	for n := 1; ; n++ {
		text, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return nil // what stands behind the last line end was never finished
		}
		bad := func(what string) error {
			return fmt.Errorf("%s:%d:1: %s: the file was changed by something else; move it away to start without keys", path, n, what)
		}
		if err != nil {
			return bad(err.Error())
		}
		var l line
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&l); err != nil {
			return bad("this is no entry of a journal of keys")
		}
		switch {
		case n == 1 && l.Permcheck != journalVersion:
			return bad(fmt.Sprintf("expected a journal of keys that begins with %q", journalVersion))
		case n == 1 && l.Catalog != catalog:
			return fmt.Errorf("%s:1:1: the keys are for catalog %q, not for %q: give another file", path, l.Catalog, catalog)
		case n == 1:
			ks.next = l.Next
		case l.Key != nil:
			k, err := l.Key.key(v)
			if err != nil {
				return bad(err.Error())
			}
			if old := ks.byID[k.id]; old != nil {
				delete(ks.byHash, old.hash)
			} else {
				ks.next++
			}
			if len(ks.byID) >= maxKeys {
				return errFull
			}
			ks.byID[k.id], ks.byHash[k.hash] = k, k
		case l.Gone != "":
			if k := ks.byID[l.Gone]; k != nil {
				delete(ks.byID, k.id)
				delete(ks.byHash, k.hash)
			}
		case l.Owner != "":
			ks.owners[l.Owner] = l.Disabled
		default:
			return bad("this entry says nothing")
		}
	}
}

// readLine reads one bounded line without its end; io.EOF when there is no more line end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := r.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case err == nil:
			return bytes.TrimSuffix(text, []byte("\n")), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(text) > maxJournalLine:
			return nil, errors.New("this line is too long")
		}
	}
}

// rewrite writes the store to a new file, puts that in the place of the old one and returns
// it open for more. Whenever the server is killed, one of the two is whole.
func (ks *keystore) rewrite(path, catalog string) (*journal, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new") // mode 0600
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*journal, error) {
		f.Close()
		os.Remove(f.Name())
		return nil, err
	}
	w := bufio.NewWriter(f)
	entries := []line{{Permcheck: journalVersion, Catalog: catalog, Next: ks.next - len(ks.byID)}}
	for _, k := range sortedKeys(ks.byID) {
		entries = append(entries, lineOf(k))
	}
	for owner, disabled := range ks.owners {
		if disabled {
			entries = append(entries, line{Owner: owner, Disabled: true})
		}
	}
	for _, l := range entries {
		if _, err := w.Write(append(encode(l), '\n')); err != nil {
			return fail(err)
		}
	}
	if err := errors.Join(w.Flush(), f.Sync()); err != nil {
		return fail(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fail(err)
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil { // so that the new name is on the disk too
		_ = dir.Sync() // not every file system can
		dir.Close()
	}
	return &journal{file: f}, nil
}

// Close ends the writing of a journal. Keys cannot be changed afterwards.
func (s *Server) Close() error {
	ks := s.keys
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if ks.journal == nil || ks.unlock == nil {
		return nil
	}
	err := ks.journal.file.Close()
	ks.journal.broken = errors.New("writing the keys down: the server is closed")
	ks.unlock()
	ks.unlock = nil
	return err
}

// lockName is the file that is locked while a journal is open: the journal itself is replaced.
func lockName(path string) string {
	return strings.TrimSuffix(path, string(filepath.Separator)) + ".lock"
}
