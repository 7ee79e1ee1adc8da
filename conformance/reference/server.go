package reference

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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
	// Rows is how many objects are seeded in each collection; 0 means as many as show every
	// combination of the values that the catalog's rules look at, and at least 3.
	Rows       int
	Seeds      Seeds    // what they look like; nil: as the catalog's rules need
	Faults     []string // names of [Faults] to plant
	Traps      []string // names or ids of [Traps] to show
	AdminToken string   // what the admin API asks for; empty: it refuses everybody
	// State is a file that keeps the keys when the server ends; empty: none does.
	State string
	// Vendor is one of [Vendors] whose manners the server has; empty: none.
	Vendor string
	// Switches are set on the vendor's server; see [Switches].
	Switches map[string]string
	// BlockOrigins refuses every request that a page of another origin sends, also where the
	// catalog does not say so.
	BlockOrigins bool
	Now          func() time.Time // the clock; nil: the system's
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
	traps    map[string]bool
	block    bool // requests with an Origin are refused
	onEnable bool // a changed grant is in force only when the key is enabled again
	now      func() time.Time
	mistaken memory
	vendor   *vendor // whose manners it has; nil: nobody's
	manners  manners
	switches map[string]string // of the vendor, every one
	ticks    atomic.Uint64     // requests, for traps that come with some of them
}

// New returns a server for the catalog. An unknown fault, or one that cannot apply to
// this catalog, is an error.
func New(c *catalogs.Catalog, opts Options) (*Server, error) {
	if opts.Rows < 0 || opts.Rows > maxObjects {
		return nil, fmt.Errorf("%d seeded rows: expected 1 to %d", opts.Rows, maxObjects)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Server{
		catalog: c, vocab: newVocabulary(c), keys: newKeystore(), store: newStore(opts.Rows),
		byKey: map[string]*route{}, homes: map[string]*collection{}, token: opts.AdminToken,
		onEnable: c.Credentials.GrantsChange == "on-reenable", block: opts.BlockOrigins || c.Refused.Origin.Known(), now: opts.Now,
	}
	v, err := s.adopt(opts.Vendor, opts.Switches)
	if err != nil {
		return nil, err
	}
	if v != nil {
		s.vendor = v
		if opts.Seeds == nil && v.seeds != nil {
			if opts.Seeds, err = ParseSeeds(v.seeds); err != nil {
				return nil, err
			}
		}
	}
	seeds, err := seedsFor(c, opts.Seeds)
	if err != nil {
		return nil, err
	}
	s.build(seeds)
	if err := s.store.fill(); err != nil {
		return nil, err
	}
	if v != nil { // rows are seeded, faults are not planted yet, nor keys read
		s.manners = v.start(s)
		s.keys.changed = s.manners.keyChanged
	}
	if s.traps, err = readTraps(opts.Traps); err != nil {
		return nil, err
	}
	for _, name := range opts.Faults {
		if err := s.plant(name); err != nil {
			return nil, err
		}
	}
	s.keys.keepDead = len(s.planted) > 0
	if opts.State != "" {
		if err := s.keys.openJournal(opts.State, c.Name, s.vocab); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// HasKey reports whether there is a key of a name.
func (s *Server) HasKey(name string) bool {
	return s.keyLike(func(k *key) bool { return k.name == name }) != nil
}

// API is the handler of the API that the catalog describes.
func (s *Server) API() http.Handler { return http.HandlerFunc(s.serveAPI) }

// A call is one request on its way through the server.
type call struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	rt     *route // what is performed
	params map[string]string
	who    Caller
	k      *key // nobody for a request without a valid key
	query  query
	body   object
	own    any // what the vendor's manners note about the call
	// readAhead is the body, where it was read before anything was decided.
	readAhead object

	family map[*collection]map[string][]object // children by parent, as far as they were asked for
}

// wrong reports whether a fault is planted on the route of the call, or on every route.
func (c *call) wrong(name string) bool { return c.s.wrong(c.rt, name) }

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, w: w, r: r, k: nobody}
	if len(s.traps) > 0 && c.troubled() {
		return
	}
	to, allow := s.direct(r)
	c.rt, c.params = to.route, to.params
	if c.browser() {
		return
	}
	if s.manners.before(c) {
		return
	}
	var known bool
	if c.who, c.k, known = s.manners.caller(c); !known {
		c.who, c.k = s.caller(r, c.rt)
	}
	if c.rt == nil {
		c.lost(allow)
		return
	}
	h := w.Header()
	h["Cache-Control"] = noStore
	if len(h["Vary"]) == 0 {
		h["Vary"] = varies
	} else {
		h.Add("Vary", "Authorization")
	}
	if c.leakBefore() || c.validatedFirst() {
		return
	}
	admitted := c.admitted(to)
	if admitted && (c.who == Unknown && c.wrong("unknown-key-passes") || c.who == Malformed && c.wrong("malformed-key-passes")) {
		c.k = s.strongest()
	}
	if !admitted && (c.rt.reads(to.method) || !c.wrong("effect-before-refusal")) {
		c.refuse(c.who != Valid)
		return
	}
	var err error
	if c.body, err = c.readBody(); err != nil && admitted {
		c.badBody(err)
		return
	}
	if c.query, err, known = s.manners.query(c); !known {
		c.query, err = parseQuery(r.URL.RawQuery)
	}
	if err != nil && admitted && c.rt.reads(to.method) {
		c.reply(http.StatusBadRequest, object{"error": "bad_query", "message": err.Error()})
		return
	}
	a, performed := s.manners.perform(c, to.method)
	if !performed {
		a = c.perform(to.method)
	}
	if !admitted {
		c.refuse(c.who != Valid)
		return
	}
	c.answer(a)
}

// lost answers a request that no row of the catalog is for.
func (c *call) lost(allow []string) {
	switch {
	case c.who == Valid && c.wrong("default-allow"):
		c.reply(http.StatusOK, object{"data": []object{}})
	case len(allow) > 0:
		c.w.Header().Set("Allow", strings.Join(allow, ", "))
		c.reply(http.StatusMethodNotAllowed, object{"error": "method_not_allowed"})
	default:
		c.reply(http.StatusNotFound, notFound.body)
	}
}

// refuse answers a request that is not admitted, in the form that the catalog states.
func (c *call) refuse(withoutKey bool) {
	if c.trapRefusal(withoutKey) {
		return
	}
	if c.rt.formsDiffer() && c.wrong("forms-swapped") {
		withoutKey = !withoutKey
	}
	form, status, code := c.rt.refused.Forbidden, http.StatusForbidden, "forbidden"
	if withoutKey {
		form, status, code = c.rt.refused.Anonymous, http.StatusUnauthorized, "unauthorized"
	}
	if withoutKey && c.who != Anonymous {
		form = c.rt.refused.WithKey()
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
	if status == http.StatusUnauthorized && !c.wrong("no-www-authenticate") {
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="permcheck reference"`)
	}
	c.reply(status, body)
}

// badBody answers an admitted request whose body cannot be read.
func (c *call) badBody(err error) {
	status, code := http.StatusBadRequest, "bad_request"
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		status, code = http.StatusRequestEntityTooLarge, "too_large"
	case errors.Is(err, errMediaType):
		status, code = http.StatusUnsupportedMediaType, "unsupported_media_type"
	}
	c.reply(status, object{"error": code})
}

// formType is the media type of an HTML form.
const formType = "application/x-www-form-urlencoded"

var errMediaType = errors.New("the body is not JSON")

// readBody reads the JSON body of a request; see readObject.
func (c *call) readBody() (object, error) {
	if c.readAhead != nil {
		return c.readAhead, nil
	}
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return object{}, nil
	}
	if t := c.r.Header.Get("Content-Type"); t != "" {
		media, _, err := mime.ParseMediaType(t)
		if c.wrong("content-type-picks-handler") || media == formType && c.wrong("method-override-unguarded") {
			body, err := readObject(c.w, c.r)
			if err != nil { // it takes what it gets
				body = object{}
			}
			return body, nil
		}
		if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
			return object{}, errMediaType
		}
	}
	return readObject(c.w, c.r)
}

func (c *call) reply(status int, body any) {
	c.cors(status)
	status, body = c.shaped(status, body)
	writeReply(c.w, c.r.Method, status, body)
}

// shaped is an answer as the vendor writes it, unless it was written already.
func (c *call) shaped(status int, body any) (int, any) {
	switch body.(type) {
	case encoded, file:
		return status, body
	}
	return c.s.manners.shape(c, status, body)
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

// A file is a body that is no JSON.
type file struct {
	mediaType string
	data      []byte
}

// reply writes an answer of the admin API.
func reply(w http.ResponseWriter, r *http.Request, status int, body any) {
	writeReply(w, r.Method, status, body)
}

// writeReply writes an answer; to HEAD without the body.
func writeReply(w http.ResponseWriter, method string, status int, body any) {
	h := w.Header()
	if h["Cache-Control"] == nil {
		h["Cache-Control"] = noStore
	}
	if body == nil {
		w.WriteHeader(status)
		return
	}
	f, isFile := body.(file)
	data := f.data
	if isFile {
		h.Set("Content-Type", f.mediaType)
	} else {
		data = encode(body)
		if h["Content-Type"] == nil {
			h["Content-Type"] = jsonType
		}
	}
	h["X-Content-Type-Options"] = noSniff
	h["Content-Length"] = []string{strconv.Itoa(len(data))}
	w.WriteHeader(status)
	if method != http.MethodHead {
		_, _ = w.Write(data) // the client has gone: nobody to tell
	}
}

// Header values that every answer has. They are shared, and nobody changes them.
var (
	noStore  = []string{"no-store"}
	varies   = []string{"Authorization"}
	jsonType = []string{"application/json"}
	noSniff  = []string{"nosniff"}
)

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
