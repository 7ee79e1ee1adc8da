package reference

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// Admin is the handler of the admin API. Every request must carry the admin token as
// "Authorization: Bearer TOKEN". Bodies are JSON; errors are {"error": "..."}.
//
//	POST   /keys               {"name", "grants": [...],    201: the key, with its "secret";
//	                            "state": "enabled",         all but grants may be left out
//	                            "sharing": {object: option}, "lists": {list: [...]},
//	                            "owner", "expires_at": RFC 3339 or "expires_in": seconds}
//	GET    /keys                                            all keys, without secrets
//	GET    /keys/{id}
//	PATCH  /keys/{id}          any of these but state       change what it holds
//	POST   /keys/{id}/disable                               refuse it until it is enabled
//	POST   /keys/{id}/revoke                                the same; a changed grant is in
//	                                                        force when it is enabled again
//	POST   /keys/{id}/enable
//	POST   /keys/{id}/rotate                                a new "secret"; the old one is refused
//	POST   /keys/{id}/{action}                              an action of the catalog's credentials
//	DELETE /keys/{id}                                       204
//	POST   /owners/{owner}/disable                          refuse all keys of an owner
//	POST   /owners/{owner}/enable
//	POST   /objects            {"method", "path", "new",    values for a route's path parameters;
//	                            "key"}                      new: the object that the last one
//	                                                        is about is made for it; key: the id
//	                                                        of a key that sees it
//	GET    /objects/{object}                                all rows of an object, whole
//	GET    /faults                                          the planted faults
//
// Where the catalog's credentials.grants-change is on-reenable, a changed grant waits
// for revoke and enable; else it is in force at once.
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /keys", s.adminMint)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		list := []keyJSON{}
		for _, k := range s.keys.all() {
			list = append(list, s.told(k))
		}
		reply(w, r, http.StatusOK, map[string]any{"keys": list})
	})
	mux.HandleFunc("GET /keys/{id}", func(w http.ResponseWriter, r *http.Request) {
		if k := s.keys.get(r.PathValue("id")); k != nil {
			reply(w, r, http.StatusOK, s.told(k))
			return
		}
		adminFailed(w, r, errNoKey)
	})
	mux.HandleFunc("PATCH /keys/{id}", s.adminEdit)
	mux.HandleFunc("POST /keys/{id}/{action}", s.adminAct)
	mux.HandleFunc("DELETE /keys/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := s.keys.remove(r.PathValue("id")); err != nil {
			adminFailed(w, r, err)
			return
		}
		reply(w, r, http.StatusNoContent, nil)
	})
	mux.HandleFunc("POST /owners/{owner}/{action}", func(w http.ResponseWriter, r *http.Request) {
		action := r.PathValue("action")
		if action != "disable" && action != "enable" {
			adminError(w, r, http.StatusNotFound, fmt.Errorf("no action %q on owners: expected disable or enable", action))
			return
		}
		if err := s.keys.setOwner(r.PathValue("owner"), action == "disable"); err != nil {
			adminFailed(w, r, err)
			return
		}
		reply(w, r, http.StatusOK, map[string]any{"owner": r.PathValue("owner"), "disabled": action == "disable"})
	})
	mux.HandleFunc("POST /objects", s.adminObject)
	mux.HandleFunc("GET /objects/{object}", func(w http.ResponseWriter, r *http.Request) {
		s.store.mu.RLock()
		defer s.store.mu.RUnlock()
		coll := s.store.all[r.PathValue("object")]
		if coll == nil {
			adminError(w, r, http.StatusNotFound, fmt.Errorf("the catalog has no object %q", r.PathValue("object")))
			return
		}
		reply(w, r, http.StatusOK, map[string]any{"data": coll.all()})
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, r *http.Request) {
		names := []string{}
		for _, p := range s.planted {
			names = append(names, p.fault.Name)
		}
		reply(w, r, http.StatusOK, map[string]any{"faults": names})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || !s.tokenMatches(token) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="permcheck reference admin"`)
			adminError(w, r, http.StatusUnauthorized, errors.New("the admin token is missing or wrong"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// keyJSON is a key as the admin API shows it.
type keyJSON struct {
	ID      string              `json:"id"`
	User    string              `json:"user,omitempty"` // what signs in, where that is not the id
	Name    string              `json:"name"`
	State   string              `json:"state"`
	Grants  []perm.Permission   `json:"grants"`
	InForce []perm.Permission   `json:"in_force"`
	Sharing map[string]string   `json:"sharing,omitempty"`
	Lists   map[string][]string `json:"lists,omitempty"`
	Owner   string              `json:"owner,omitempty"`
	Expires *time.Time          `json:"expires_at,omitempty"`
	Secret  string              `json:"secret,omitempty"`
}

// told is a key as the admin API tells of it.
func (s *Server) told(k *key) keyJSON {
	out := keyJSON{ID: k.id, Name: k.name, State: k.state, Grants: grantsOf(k.granted), InForce: grantsOf(k.inForce),
		Sharing: k.sharing, Lists: k.lists, Owner: k.owner, User: s.manners.user(k)}
	if !k.expires.IsZero() {
		out.Expires = &k.expires
	}
	return out
}

// Mint makes an enabled key that holds the grant and returns its secret. It is what
// the admin API does, for callers in the same process.
func (s *Server) Mint(name string, grant []perm.Permission) (id, secret string, err error) {
	if grant, err = s.knownGrant(grant); err != nil {
		return "", "", err
	}
	k, secret, err := s.keys.mint(keyOf{name: name, grant: grant, state: stateEnabled}, s.vocab)
	if err != nil {
		return "", "", err
	}
	return k.id, secret, nil
}

// knownGrant replaces aliases by ids, sorts, and refuses what the catalog does not
// have.
func (s *Server) knownGrant(grant []perm.Permission) ([]perm.Permission, error) {
	out := make([]perm.Permission, len(grant))
	for i, p := range grant {
		id, ok := s.vocab.known[p]
		if !ok {
			return nil, fmt.Errorf("the catalog has no permission %q", p)
		}
		out[i] = id
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// knownSharing refuses objects and options that the catalog does not have.
func (s *Server) knownSharing(sharing map[string]string) error {
	for object, option := range sharing {
		i := slices.IndexFunc(s.catalog.Records, func(r catalogs.Record) bool { return r.Object == object && len(r.Sharing) > 0 })
		if i < 0 {
			return fmt.Errorf("the catalog has no sharing for %q", object)
		}
		var names []string
		for _, o := range s.catalog.Records[i].Sharing {
			names = append(names, o.Name)
		}
		if !slices.Contains(names, option) {
			return fmt.Errorf("%q is not a sharing option of %s: expected one of %s", option, object, strings.Join(names, ", "))
		}
	}
	return nil
}

// knownLists refuses allow lists that the catalog does not have.
func (s *Server) knownLists(lists map[string][]string) error {
	for name := range lists {
		if !slices.ContainsFunc(s.catalog.AllowLists, func(l catalogs.AllowList) bool { return l.Name == name }) {
			return fmt.Errorf("the catalog has no allow list %q", name)
		}
	}
	return nil
}

// keyIn is what the admin API takes about a key.
type keyIn struct {
	Name      *string             `json:"name"`
	Grants    *[]perm.Permission  `json:"grants"`
	State     string              `json:"state"`
	Sharing   map[string]string   `json:"sharing"`
	Lists     map[string][]string `json:"lists"`
	Owner     *string             `json:"owner"`
	ExpiresAt *time.Time          `json:"expires_at"`
	ExpiresIn *float64            `json:"expires_in"` // seconds, also negative
}

// check replaces aliases in the grants, works out when the key expires, and refuses what the
// catalog does not have.
func (s *Server) check(in *keyIn) error {
	if in.Grants != nil {
		grant, err := s.knownGrant(*in.Grants)
		if err != nil {
			return err
		}
		in.Grants = &grant
	}
	if in.ExpiresIn != nil {
		if in.ExpiresAt != nil {
			return errors.New("expires_at and expires_in say the same: give one of them")
		}
		const years = 100 * 365 * 24 * 3600
		at := s.now().Add(time.Duration(min(max(*in.ExpiresIn, -years), years) * float64(time.Second)))
		in.ExpiresAt = &at
	}
	return errors.Join(s.knownSharing(in.Sharing), s.knownLists(in.Lists))
}

func (s *Server) adminMint(w http.ResponseWriter, r *http.Request) {
	var in keyIn
	if !adminBody(w, r, &in) {
		return
	}
	of := keyOf{state: cmp.Or(in.State, stateEnabled)}
	switch of.state {
	case stateEnabled, stateDisabled, stateRevoked:
	default:
		adminError(w, r, http.StatusUnprocessableEntity, fmt.Errorf("%q is not a state: expected %s, %s or %s", in.State, stateEnabled, stateDisabled, stateRevoked))
		return
	}
	if err := s.check(&in); err != nil {
		adminError(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	of.sharing, of.lists = in.Sharing, in.Lists
	if in.Grants != nil {
		of.grant = *in.Grants
	}
	if in.Name != nil {
		of.name = *in.Name
	}
	if in.Owner != nil {
		of.owner = *in.Owner
	}
	if in.ExpiresAt != nil {
		of.expires = *in.ExpiresAt
	}
	k, secret, err := s.keys.mint(of, s.vocab)
	if err != nil {
		adminFailed(w, r, err)
		return
	}
	out := s.told(k)
	out.Secret = secret
	reply(w, r, http.StatusCreated, out)
}

func (s *Server) adminEdit(w http.ResponseWriter, r *http.Request) {
	var in keyIn
	if !adminBody(w, r, &in) {
		return
	}
	switch {
	case in.State != "":
		adminError(w, r, http.StatusUnprocessableEntity, errors.New("a state is changed by POST /keys/{id}/disable, revoke or enable"))
		return
	case in.Grants == nil && in.Name == nil && in.Sharing == nil && in.Lists == nil && in.Owner == nil && in.ExpiresAt == nil && in.ExpiresIn == nil:
		adminError(w, r, http.StatusUnprocessableEntity, errors.New("grants is missing: expected a list of permissions, or name, sharing, lists, owner, expires_at, expires_in"))
		return
	}
	k := s.keys.get(r.PathValue("id"))
	if k == nil {
		adminFailed(w, r, errNoKey)
		return
	}
	if err := s.manners.editable(k); err != nil {
		adminError(w, r, http.StatusConflict, err)
		return
	}
	if err := s.check(&in); err != nil {
		adminError(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	k, err := s.keys.update(k.id, func(k *key) {
		if in.Grants != nil {
			s.regrant(k, *in.Grants)
		}
		if in.Name != nil {
			k.name = *in.Name
		}
		if in.Sharing != nil {
			k.sharing = in.Sharing
		}
		if in.Lists != nil {
			k.lists = in.Lists
		}
		if in.Owner != nil {
			k.owner = *in.Owner
		}
		if in.ExpiresAt != nil {
			k.expires = *in.ExpiresAt
		}
	})
	if err != nil {
		adminFailed(w, r, err)
		return
	}
	reply(w, r, http.StatusOK, s.told(k))
}

// adminAct does one of the actions that every server has, or one that the catalog names.
func (s *Server) adminAct(w http.ResponseWriter, r *http.Request) {
	id, action := r.PathValue("id"), r.PathValue("action")
	leads := map[string]string{"disable": stateDisabled, "revoke": stateRevoked, "enable": stateEnabled, "rotate": newSecretState}[action]
	if leads == "" {
		to, ok := s.catalog.Credentials.Actions[action]
		if !ok {
			adminError(w, r, http.StatusNotFound, fmt.Errorf("no action %q: expected disable, enable, revoke, rotate, or one of the catalog's", action))
			return
		}
		switch s.catalog.Credentials.States[to] {
		case "admitted":
			leads = stateEnabled
		case "gone":
			leads = goneState
		default:
			leads = stateDisabled
		}
		if to == newSecretState {
			leads = to
		}
	}
	var k *key
	var secret string
	var err error
	switch leads {
	case newSecretState:
		k, secret, err = s.keys.rotate(id)
	case goneState:
		if err = s.keys.remove(id); err == nil {
			reply(w, r, http.StatusNoContent, nil)
			return
		}
	default:
		k, err = s.keys.update(id, func(k *key) { s.setState(k, leads) })
	}
	if err != nil {
		adminFailed(w, r, err)
		return
	}
	out := s.told(k)
	out.Secret = secret
	reply(w, r, http.StatusOK, out)
}

// What an action may lead to besides a state of the key.
const (
	newSecretState = "new-secret"
	goneState      = "gone"
)

func adminFailed(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errNoKey):
		adminError(w, r, http.StatusNotFound, err)
	case errors.Is(err, errFull):
		adminError(w, r, http.StatusInsufficientStorage, err)
	default:
		adminError(w, r, http.StatusInternalServerError, err)
	}
}

// adminObject answers what a request of one route needs: where it is asked for, a new
// object for the route to act on, and for every other parameter one that is there. Where a
// key is named, the objects are ones that it sees.
func (s *Server) adminObject(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Method, Path, Key string
		New               bool
	}
	if !adminBody(w, r, &in) {
		return
	}
	rt := s.byKey[catalogs.EndpointKey(in.Method, in.Path)]
	if rt == nil {
		rt = s.byKey[catalogs.EndpointKey(catalogs.AnyMethod, in.Path)]
	}
	if rt == nil {
		adminError(w, r, http.StatusNotFound, fmt.Errorf("the catalog has no endpoint %s %s", in.Method, in.Path))
		return
	}
	k := s.strongest()
	if in.Key != "" {
		if k = s.keys.get(in.Key); k == nil {
			adminFailed(w, r, errNoKey)
			return
		}
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	params := map[string]string{}
	for i, seg := range rt.pattern.segs {
		for j, name := range seg.names {
			last := i == len(rt.pattern.segs)-1 && j == len(seg.names)-1
			id, err := "", error(nil)
			value, ok := s.manners.param(rt, name)
			switch {
			case ok:
				id = value
			case name == rt.param || last:
				id, err = s.objectFor(rt, k, in.New)
			case rt.parent != nil && name == rt.parentParam:
				id, err = s.seen(rt.parent, k, false)
			default:
				id = s.parentID(rt.pattern, i, name)
			}
			if err != nil {
				adminFailed(w, r, err)
				return
			}
			params[name] = id
		}
	}
	// An object below a parent must be of that parent.
	if rt.parent != nil && rt.param != "" && params[rt.param] != "" {
		if o := rt.objects.objects[params[rt.param]]; o != nil {
			if id := o.text(rt.via.attribute); id != "" {
				params[rt.parentParam] = id
			}
		}
	}
	reply(w, r, http.StatusCreated, map[string]any{"params": params})
}

func (s *Server) objectFor(rt *route, k *key, fresh bool) (string, error) {
	if rt.kind == kindKeys {
		made, _, err := s.keys.mint(keyOf{name: "made for a request", state: stateEnabled, sharing: k.sharing, lists: k.lists}, s.vocab)
		if err != nil {
			return "", err
		}
		return made.id, nil
	}
	return s.seen(rt.objects, k, fresh)
}

// seen returns the id of an object that the key sees; where it is to be fresh, or there is
// none, of a new one.
func (s *Server) seen(coll *collection, k *key, fresh bool) (string, error) {
	if !fresh {
		for _, id := range coll.ids {
			if s.sees(k, coll, coll.objects[id]) {
				return id, nil
			}
		}
		if len(coll.ids) > 0 && len(coll.rules.reveals) > 0 && !slices.ContainsFunc(coll.rules.reveals, func(g reveal) bool { return k.holds[g.permission] }) {
			return coll.ids[0], nil // nothing would be seen
		}
	}
	o := coll.seed.object(coll.name, coll.next, func(name string) []string {
		if to := s.store.all[name]; to != nil {
			return to.ids
		}
		return nil
	}).merged(nil)
	if len(coll.seed.Attributes) == 0 {
		o["name"] = "made for a request"
	}
	for _, a := range coll.seed.Attributes {
		if a.Fresh != nil {
			put(o, a.Name, a.Fresh)
		}
	}
	for _, r := range coll.refs {
		id, err := s.seen(r.to, k, false)
		if err != nil {
			return "", err
		}
		o[r.attribute] = id
	}
	// The conditions that show it to this key.
	conds := map[string]catalogs.Condition{}
	for _, option := range coll.rules.sharing {
		if option.Name == k.sharing[coll.name] {
			for _, c := range option.Conditions {
				conds[c.Attribute] = c
			}
		}
	}
	if i := slices.IndexFunc(coll.rules.reveals, func(g reveal) bool { return k.holds[g.permission] }); i >= 0 && k.id != strongestID {
		for _, c := range coll.rules.reveals[i].conditions {
			conds[c.Attribute] = c
		}
	}
	for name, c := range conds {
		switch {
		case c.Not && k.meets(o, []catalogs.Condition{c}):
		case c.Not:
			put(o, name, "other than "+c.Value)
		case c.Value == selfValue:
			put(o, name, k.id)
		case c.Value == "true" || c.Value == "false":
			put(o, name, c.Value == "true")
		default:
			put(o, name, c.Value)
		}
	}
	made, ok := coll.add(o)
	if !ok {
		return "", errFull
	}
	return made["id"].(string), nil
}

// parentID is the id of a seeded object for a parameter inside a path, or, where the
// catalog has no collection for it, a word that any route accepts.
func (s *Server) parentID(p pattern, segment int, name string) string {
	if c := s.homes[p.home(segment)]; c != nil && len(c.ids) > 0 {
		return c.ids[0]
	}
	return name + "-1"
}

func adminBody(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("expected one JSON object")
		}
	}
	if err != nil {
		adminError(w, r, http.StatusBadRequest, fmt.Errorf("reading the body: %w", err))
		return false
	}
	return true
}

func adminError(w http.ResponseWriter, r *http.Request, status int, err error) {
	reply(w, r, status, map[string]string{"error": err.Error()})
}
