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

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// Admin is the handler of the admin API. Every request must carry the admin token as
// "Authorization: Bearer TOKEN". Bodies are JSON; errors are {"error": "..."}.
//
//	POST   /keys               {"name", "grants": [...],    201: the key, with its "secret"
//	                            "state": "enabled"}         state may be left out
//	GET    /keys                                            all keys, without secrets
//	GET    /keys/{id}
//	PATCH  /keys/{id}          {"grants": [...]}            change what it holds
//	POST   /keys/{id}/disable                               refuse it until it is enabled
//	POST   /keys/{id}/revoke                                the same; a changed grant is in
//	                                                        force when it is enabled again
//	POST   /keys/{id}/enable
//	DELETE /keys/{id}                                       204
//	POST   /objects            {"method", "path", "new"}    values for a route's path parameters;
//	                                                        new: the object that the last one
//	                                                        is about is made for it
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
			list = append(list, k.json())
		}
		reply(w, r, http.StatusOK, map[string]any{"keys": list})
	})
	mux.HandleFunc("GET /keys/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.replyKey(w, r, s.keys.get(r.PathValue("id")))
	})
	mux.HandleFunc("PATCH /keys/{id}", s.adminRegrant)
	for action, state := range map[string]string{"disable": stateDisabled, "revoke": stateRevoked, "enable": stateEnabled} {
		mux.HandleFunc("POST /keys/{id}/"+action, func(w http.ResponseWriter, r *http.Request) {
			s.replyKey(w, r, s.keys.update(r.PathValue("id"), func(k *key) {
				if state == stateEnabled && k.state == stateRevoked {
					k.inForce = k.granted
					k.holds = s.vocab.holdings(k.inForce)
				}
				k.state = state
			}))
		})
	}
	mux.HandleFunc("DELETE /keys/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !s.keys.remove(r.PathValue("id")) {
			adminError(w, r, http.StatusNotFound, errors.New("no such key"))
			return
		}
		reply(w, r, http.StatusNoContent, nil)
	})
	mux.HandleFunc("POST /objects", s.adminObject)
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

type keyJSON struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	State   string            `json:"state"`
	Grants  []perm.Permission `json:"grants"`
	InForce []perm.Permission `json:"in_force"`
	Secret  string            `json:"secret,omitempty"`
}

func (k *key) json() keyJSON {
	return keyJSON{ID: k.id, Name: k.name, State: k.state, Grants: k.granted, InForce: k.inForce}
}

func (s *Server) replyKey(w http.ResponseWriter, r *http.Request, k *key) {
	if k == nil {
		adminError(w, r, http.StatusNotFound, errors.New("no such key"))
		return
	}
	reply(w, r, http.StatusOK, k.json())
}

// Mint makes an enabled key that holds the grant and returns its secret. It is what
// the admin API does, for callers in the same process.
func (s *Server) Mint(name string, grant []perm.Permission) (id, secret string, err error) {
	if grant, err = s.knownGrant(grant); err != nil {
		return "", "", err
	}
	k, secret, err := s.keys.mint(name, grant, s.vocab)
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

func (s *Server) adminMint(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name   string            `json:"name"`
		Grants []perm.Permission `json:"grants"`
		State  string            `json:"state"`
	}
	if !adminBody(w, r, &in) {
		return
	}
	switch in.State {
	case "", stateEnabled, stateDisabled, stateRevoked:
	default:
		adminError(w, r, http.StatusUnprocessableEntity, fmt.Errorf("%q is not a state: expected %s, %s or %s", in.State, stateEnabled, stateDisabled, stateRevoked))
		return
	}
	id, secret, err := s.Mint(in.Name, in.Grants)
	if err != nil {
		adminError(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	k := s.keys.update(id, func(k *key) { k.state = cmp.Or(in.State, stateEnabled) })
	if k == nil { // deleted in between
		adminError(w, r, http.StatusNotFound, errors.New("no such key"))
		return
	}
	out := k.json()
	out.Secret = secret
	reply(w, r, http.StatusCreated, out)
}

func (s *Server) adminRegrant(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Grants *[]perm.Permission `json:"grants"`
	}
	if !adminBody(w, r, &in) {
		return
	}
	if in.Grants == nil {
		adminError(w, r, http.StatusUnprocessableEntity, errors.New("grants is missing: expected a list of permissions"))
		return
	}
	grant, err := s.knownGrant(*in.Grants)
	if err != nil {
		adminError(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	s.replyKey(w, r, s.keys.update(r.PathValue("id"), func(k *key) {
		k.granted = grant
		if !s.onEnable {
			k.inForce = grant
			k.holds = s.vocab.holdings(grant)
		}
	}))
}

// adminObject answers what a request of one route needs: where it is asked for, a new
// object for the route to act on, and for every other parameter one that is there.
func (s *Server) adminObject(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Method, Path string
		New          bool
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
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	params := map[string]string{}
	for i, seg := range rt.pattern.segs {
		for j, name := range seg.names {
			last := i == len(rt.pattern.segs)-1 && j == len(seg.names)-1
			if last {
				id := ""
				if !in.New && len(rt.objects.ids) > 0 {
					id = rt.objects.ids[0]
				} else if o, ok := rt.objects.add(object{"name": "made for a request"}); ok {
					id = o["id"].(string)
				} else {
					adminError(w, r, http.StatusInsufficientStorage, errors.New("the collection is full"))
					return
				}
				params[name] = id
				continue
			}
			params[name] = s.parentID(rt.pattern, i, name)
		}
	}
	reply(w, r, http.StatusCreated, map[string]any{"params": params})
}

// parentID is the id of a seeded object for a parameter inside a path, or, where the
// catalog has no collection for it, a word that any route accepts.
func (s *Server) parentID(p pattern, segment int, name string) string {
	var b strings.Builder
	for _, seg := range p.segs[:segment] {
		b.WriteString("/" + strings.Join(seg.lits, "{}"))
	}
	if c := s.homes[b.String()]; c != nil && len(c.ids) > 0 {
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
