package reference

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"crypto/sha256"
)

// A vendor is an API that does more than its catalog says: it has a way of signing in, its
// own envelopes and errors, and rules that no row states. A server is one vendor's if it is
// told so ([Options.Vendor]); it then enforces the catalog as every server does, and its
// manners say what is different.
type vendor struct {
	name     string // that of its catalog
	seeds    []byte // JSON, see [ParseSeeds]
	switches []Switch
	// faults are mistakes that only this API can make. [Faults] can be planted besides, but for
	// those in lacks, which the API has no room for: it has no search that could leak.
	faults []Fault
	lacks  []string
	// objects say which object a row is about, for rows that the catalog says nothing of.
	objects map[string]string
	// start makes what one server of the vendor keeps and does.
	start func(*Server) manners
}

// vendors are those that have manners of their own.
var vendors = []*vendor{comeetVendor, eightfoldVendor, personioVendor}

// A Switch is something that the vendor's own pages leave open, so that a client must be
// tried with each of its values.
type Switch struct {
	Name string
	// Values are what it can be set to. The first is the default: what the pages say, or what
	// they suggest most naturally.
	Values []string
	What   string // what it decides
	Source string // where the question comes from: a URL
}

// Vendors returns the names of the vendors that have manners of their own.
func Vendors() []string {
	names := make([]string, len(vendors))
	for i, v := range vendors {
		names[i] = v.name
	}
	return names
}

// Switches returns the switches of a vendor; nil where there are none.
func Switches(vendor string) []Switch {
	if v := vendorOf(vendor); v != nil {
		return v.switches
	}
	return nil
}

// FaultsOf returns the faults that only a vendor's server can have.
func FaultsOf(vendor string) []Fault {
	if v := vendorOf(vendor); v != nil {
		return v.faults
	}
	return nil
}

func vendorOf(name string) *vendor {
	if i := slices.IndexFunc(vendors, func(v *vendor) bool { return v.name == name }); i >= 0 {
		return vendors[i]
	}
	return nil
}

// manners are what a vendor's server does in its own way. What returns false, and whatever
// [plain] does, is done as every server does it.
type manners interface {
	// respell returns the path of a request, still escaped, as the catalog spells it.
	respell(method, path string) string
	// before answers what needs no decision, such as a request for a token. It is called when
	// the route is known, nil where there is none, and reports whether it has answered.
	before(c *call) bool
	// caller identifies the sender.
	caller(c *call) (Caller, *key, bool)
	// identify finds the key of a credential that stands where a secret does, such as a token
	// that was got for one: all faults of authentication are then those of the token.
	identify(credential string, rt *route) (Caller, *key, bool)
	// admits has the last word on whether a call is admitted; right is what the catalog's
	// requirement and the planted faults make of it.
	admits(c *call, right bool) bool
	// query reads the parameters of a list.
	query(c *call) (query, error, bool)
	// perform does what an admitted request asks for. It locks the store itself.
	perform(c *call, method string) (answer, bool)
	// row returns a row as the vendor shows it: shown is what the caller may see of o, and is
	// not to be changed. The store is locked.
	row(c *call, coll *collection, o, shown object) object
	// shape returns a body as the vendor writes it: what a list, a row, a refusal or an error
	// looks like. Every answer of the API goes through it, but those of before.
	shape(c *call, status int, body any) (int, any)
	// user is what a client signs in as with a key, where that is not the key's id.
	user(k *key) string
	// param is what to put in for a parameter of a route that is no id of an object.
	param(rt *route, name string) (string, bool)
	// editable is why a key may not be edited; nil: it may.
	editable(k *key) error
	// keyChanged is told of every key that was made, changed, parked or deleted, and of the
	// state that it had, nil if it is new; now is nil if it was deleted.
	keyChanged(was, now *key)
}

// plain is the manners of a server that is no vendor's. Those of a vendor embed it.
type plain struct{}

func (plain) respell(_, path string) string                      { return path }
func (plain) before(*call) bool                                  { return false }
func (plain) caller(*call) (Caller, *key, bool)                  { return Anonymous, nobody, false }
func (plain) identify(string, *route) (Caller, *key, bool)       { return Anonymous, nobody, false }
func (plain) admits(_ *call, right bool) bool                    { return right }
func (plain) query(*call) (query, error, bool)                   { return query{}, nil, false }
func (plain) perform(*call, string) (answer, bool)               { return answer{}, false }
func (plain) row(_ *call, _ *collection, _, shown object) object { return shown }
func (plain) shape(_ *call, status int, body any) (int, any)     { return status, body }
func (plain) user(*key) string                                   { return "" }
func (plain) param(*route, string) (string, bool)                { return "", false }
func (plain) editable(*key) error                                { return nil }
func (plain) keyChanged(_, _ *key)                               {}

// adopt makes the server one of a vendor's, with these switches set.
func (s *Server) adopt(name string, set map[string]string) (*vendor, error) {
	s.manners, s.switches = plain{}, map[string]string{}
	if name == "" {
		for _, other := range slices.Sorted(maps.Keys(set)) {
			return nil, fmt.Errorf("switch %s: only the servers of %s have switches", other, strings.Join(Vendors(), ", "))
		}
		return nil, nil
	}
	v := vendorOf(name)
	if v == nil {
		return nil, fmt.Errorf("no vendor %q: expected one of %s", name, strings.Join(Vendors(), ", "))
	}
	if s.catalog.Name != v.name {
		return nil, fmt.Errorf("the server of %s is for its own catalog, not for %s", v.name, s.catalog.Name)
	}
	for _, sw := range v.switches {
		s.switches[sw.Name] = sw.Values[0]
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		i := slices.IndexFunc(v.switches, func(sw Switch) bool { return sw.Name == name })
		if i < 0 {
			var names []string
			for _, sw := range v.switches {
				names = append(names, sw.Name)
			}
			return nil, fmt.Errorf("%s has no switch %q: expected one of %s", v.name, name, cmp.Or(strings.Join(names, ", "), "none"))
		}
		if !slices.Contains(v.switches[i].Values, set[name]) {
			return nil, fmt.Errorf("switch %s=%s: expected one of %s", name, set[name], strings.Join(v.switches[i].Values, ", "))
		}
		s.switches[name] = set[name]
	}
	return v, nil
}

// faultNamed finds a fault that the server could have.
func (s *Server) faultNamed(name string) *Fault {
	for _, list := range s.faultLists() {
		if i := slices.IndexFunc(list, func(f Fault) bool { return f.Name == name }); i >= 0 {
			return &list[i]
		}
	}
	return nil
}

// faultLists are the vendor's faults and those that any server can have.
func (s *Server) faultLists() [][]Fault {
	if s.vendor == nil {
		return [][]Fault{Faults}
	}
	return [][]Fault{s.vendor.faults, Faults}
}

// keyByID identifies the sender of a request that names a key by its id and has proven to
// know its secret, whatever that proof was.
func (s *Server) keyByID(id string, rt *route) (Caller, *key) {
	ks := s.keys
	ks.mu.RLock()
	k := ks.byID[id]
	if k == nil {
		for _, dead := range ks.dead {
			if dead.id == id && s.wrong(rt, "deleted-key-works") && s.mistaken.used(id) {
				k = dead
			}
		}
	}
	ks.mu.RUnlock()
	if k == nil {
		return Unknown, nobody
	}
	return s.callerOf(k, rt)
}

// knows reports whether a text is the secret of the key of an id, alive or not.
func (s *Server) knows(id, secret string) bool {
	hash := sha256.Sum256([]byte(secret))
	s.keys.mu.RLock()
	defer s.keys.mu.RUnlock()
	if k := s.keys.byID[id]; k != nil {
		return k.hash == hash
	}
	dead := s.keys.dead[hash]
	return dead != nil && dead.id == id
}

// A change of a key, told to the manners.
func (ks *keystore) tell(was, now *key) {
	if ks.changed != nil {
		ks.changed(was, now)
	}
}

// bearer is the credential of an Authorization header of the scheme Bearer; false where there
// is not exactly one such header.
func bearer(r *http.Request) (string, bool) {
	headers := r.Header["Authorization"]
	if len(headers) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	return token, strings.EqualFold(scheme, "Bearer")
}
