package reference

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/permcheck/permcheck/catalogs"
)

// Limits of the server, on both addresses.
const (
	maxBody        = 1 << 20
	maxHeader      = 32 << 10
	headerTimeout  = 5 * time.Second
	requestTimeout = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	shutdownGrace  = 3 * time.Second
)

// Options are what a server is made with besides its catalog.
type Options struct {
	Rows       int      // objects seeded in each collection; 0 means 3
	Faults     []string // names of [Faults] to plant
	AdminToken string   // what the admin API asks for; empty: it refuses everybody
}

// A Server enforces one catalog.
type Server struct {
	catalog  *catalogs.Catalog
	vocab    *vocabulary
	routes   []*route
	router   *router
	byKey    map[string]*route      // by endpoint key
	homes    map[string]*collection // by collection path
	store    *store
	keys     *keystore
	token    string
	planted  []*planted
	onEnable bool // a changed grant is in force only when the key is enabled again
}

// A route is one row of the catalog, ready to be served.
type route struct {
	row      *catalogs.Endpoint
	pattern  pattern
	need     need
	objects  *collection
	aboutOne bool // its reads answer one object
	refused  catalogs.Refused
}

func (rt *route) reads(method string) bool {
	if rt.row.Effect != "" {
		return rt.row.Effect == catalogs.Read
	}
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func (p pattern) endsInParameter() bool { return len(p.segs[len(p.segs)-1].names) > 0 }

// New returns a server for the catalog. An unknown fault, or one that cannot apply to
// this catalog, is an error.
func New(c *catalogs.Catalog, opts Options) (*Server, error) {
	if opts.Rows == 0 {
		opts.Rows = 3
	}
	if opts.Rows < 0 || opts.Rows > maxObjects {
		return nil, fmt.Errorf("%d seeded rows: expected 1 to %d", opts.Rows, maxObjects)
	}
	s := &Server{
		catalog: c, vocab: newVocabulary(c), keys: newKeystore(), store: newStore(opts.Rows),
		byKey: map[string]*route{}, homes: map[string]*collection{}, token: opts.AdminToken, onEnable: c.Credentials.GrantsChange == "on-reenable",
	}
	named := objectNames(c)
	for i := range c.Endpoints {
		row := &c.Endpoints[i]
		rt := &route{row: row, pattern: compile(row.Path), need: s.vocab.need(row.Requires), refused: c.Refused}
		if row.Refused.Anonymous.Known() {
			rt.refused.Anonymous = row.Refused.Anonymous
		}
		if row.Refused.Forbidden.Known() {
			rt.refused.Forbidden = row.Refused.Forbidden
		}
		home := collectionPath(row.Path)
		name := home
		if row.Lists != "" {
			name = row.Lists
		} else if row.Gets != "" {
			name = row.Gets
		} else if n, ok := named[home]; ok {
			name = n
		}
		rt.objects = s.store.open(name, stemOf(home))
		rt.aboutOne = row.Lists == "" && (row.Gets != "" || rt.pattern.endsInParameter())
		s.routes = append(s.routes, rt)
		s.byKey[catalogs.EndpointKey(row.Method, row.Path)] = rt
		if s.homes[home] == nil {
			s.homes[home] = rt.objects
		}
	}
	s.router = newRouter(s.routes)
	for _, name := range opts.Faults {
		if err := s.plant(name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// objectNames maps the path of a collection to the object that its rows name with
// lists or gets; the first row decides.
func objectNames(c *catalogs.Catalog) map[string]string {
	named := map[string]string{}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		name := e.Gets
		if e.Lists != "" {
			name = e.Lists
		}
		if home := collectionPath(e.Path); name != "" && named[home] == "" {
			named[home] = name
		}
	}
	return named
}

// collectionPath is a template without its last segment if that has a parameter,
// and with parameter names left out.
func collectionPath(template string) string {
	var b strings.Builder
	p := compile(template)
	for i, seg := range p.segs {
		if i == len(p.segs)-1 && len(seg.names) > 0 {
			break
		}
		b.WriteString("/" + strings.Join(seg.lits, "{}"))
	}
	return b.String()
}

// API is the handler of the API that the catalog describes.
func (s *Server) API() http.Handler { return http.HandlerFunc(s.serveAPI) }

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	who, k := s.caller(r)
	rt, params, allow := s.router.find(r.Method, r.URL.EscapedPath())
	if rt == nil {
		switch {
		case who == Valid && s.has(nil, func(p *planted) bool { return p.defaultAllow }):
			reply(w, r, http.StatusOK, object{"data": []object{}})
		case len(allow) > 0:
			w.Header().Set("Allow", strings.Join(allow, ", "))
			reply(w, r, http.StatusMethodNotAllowed, object{"error": "method_not_allowed"})
		default:
			reply(w, r, http.StatusNotFound, notFound.body)
		}
		return
	}
	admitted := s.decide(rt, who, k)
	if !admitted && (rt.reads(r.Method) || !s.has(rt, func(p *planted) bool { return p.effectFirst })) {
		s.refuse(w, r, rt, who)
		return
	}
	body, err := readObject(w, r)
	if err != nil && admitted {
		status, code := http.StatusBadRequest, "bad_request"
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			status, code = http.StatusRequestEntityTooLarge, "too_large"
		}
		reply(w, r, status, object{"error": code})
		return
	}
	id := ""
	if names := rt.pattern.segs[len(rt.pattern.segs)-1].names; len(names) > 0 {
		id = params[names[len(names)-1]]
	}
	a := s.perform(rt, r.Method, id, body)
	if !admitted {
		s.refuse(w, r, rt, who)
		return
	}
	reply(w, r, a.status, a.body)
}

// refuse answers a request that is not admitted, in the form that the catalog states.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, rt *route, who Caller) {
	withoutKey := who != Valid
	if rt.formsDiffer() && s.has(rt, func(p *planted) bool { return p.swapForms }) {
		withoutKey = !withoutKey
	}
	form, status, code := rt.refused.Forbidden, http.StatusForbidden, "forbidden"
	if withoutKey {
		form, status, code = rt.refused.Anonymous, http.StatusUnauthorized, "unauthorized"
	}
	body := object{}
	if form.Known() {
		status = form.Status
		for name, value := range form.Body {
			body[name] = value
		}
	}
	if len(body) == 0 {
		body["error"] = code
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="permcheck reference"`)
	}
	reply(w, r, status, body)
}

// readObject reads a JSON body. Members of an object are kept; any other JSON value,
// and no body at all, is an object without members.
func readObject(w http.ResponseWriter, r *http.Request) (object, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil || len(data) == 0 {
		return object{}, err
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	o, _ := v.(map[string]any)
	return o, nil
}

// reply writes an answer. net/http leaves out the body for HEAD.
func reply(w http.ResponseWriter, r *http.Request, status int, body any) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if body == nil {
		w.WriteHeader(status)
		return
	}
	data, err := json.Marshal(body)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"error":"internal"}`)
	}
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(data) // the client has gone: nobody to tell
	}
}

// Serve serves the API and, where it is not nil, the admin API until the context
// ends; then it finishes running requests for a few seconds and returns nil.
func (s *Server) Serve(ctx context.Context, api, admin net.Listener) error {
	type half struct {
		listener net.Listener
		server   *http.Server
	}
	var halves []half
	fresh := &freshConns{}
	for l, h := range map[net.Listener]http.Handler{api: s.API(), admin: s.Admin()} {
		if l != nil {
			halves = append(halves, half{l, &http.Server{
				Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout,
				WriteTimeout: requestTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
				ConnState: fresh.note,
				ErrorLog:  log.New(io.Discard, "", 0), // clients that misbehave are not news
			}})
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	for _, h := range halves {
		go func() {
			if err := h.server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
				cancel(fmt.Errorf("serving on %s: %w", h.listener.Addr(), err))
			}
			done <- struct{}{}
		}()
	}
	<-ctx.Done()
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer stop()
	for _, h := range halves {
		h.listener.Close()
		fresh.close()
		if h.server.Shutdown(grace) != nil {
			h.server.Close()
		}
		<-done
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// freshConns are connections that no request came on yet. Shutdown would wait for them:
// clients open some to spare.
type freshConns struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

func (f *freshConns) note(c net.Conn, state http.ConnState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if state == http.StateNew {
		if f.conns == nil {
			f.conns = map[net.Conn]bool{}
		}
		f.conns[c] = true
		return
	}
	delete(f.conns, c)
}

func (f *freshConns) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.Close()
	}
}

// tokenMatches compares in constant time.
func (s *Server) tokenMatches(given string) bool {
	return s.token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) == 1
}
