// Package deep has handlers whose permissions are checked below them. Each line that // want package:"guards"
// registers a route says what the route demands.
package deep

import (
	"context"
	"deepsvc"
	"encoding/json"
	"errors"
	"net/http"
)

type creator interface {
	Create(ctx context.Context, name string) (*deepsvc.Job, error)
}

type api struct {
	svc     *deepsvc.Service
	through creator
	given   creator
	store   interface {
		Update(ctx context.Context) error
	}
}

func serve(given creator) {
	svc := deepsvc.New("Job:WRITE")
	a := &api{svc: svc, through: svc, given: given}
	m := http.NewServeMux()
	m.HandleFunc("POST /create", a.create)                                                   // = Job:WRITE
	m.HandleFunc("POST /answered", a.answered)                                               // = Job:WRITE
	m.HandleFunc("POST /switched", a.switched)                                               // = Job:WRITE
	m.HandleFunc("POST /else", a.orElse)                                                     // = Job:WRITE
	m.HandleFunc("POST /only", a.only)                                                       // = Job:WRITE
	m.HandleFunc("POST /forwarded", a.forwarded)                                             // = Job:WRITE
	m.HandleFunc("POST /update", a.update)                                                   // = Job:WRITE
	m.HandleFunc("POST /deeper", a.deeper)                                                   // = Job:WRITE
	m.HandleFunc("POST /dropped", a.dropped)                                                 // = unknown
	m.HandleFunc("POST /flag", a.flag)                                                       // = Job:WRITE
	m.HandleFunc("POST /flag-dropped", a.flagDropped)                                        // = unknown
	m.HandleFunc("POST /through", a.viaInterface)                                            // = Job:WRITE
	m.HandleFunc("POST /given", a.viaGiven)                                                  // = unknown
	m.HandleFunc("POST /store", a.viaStore)                                                  // = unknown
	m.HandleFunc("GET /read", a.read)                                                        // = Job:READ
	m.HandleFunc("GET /read-any", a.readAny)                                                 // = unknown
	m.HandleFunc("GET /quiet", a.quiet)                                                      // = unknown
	m.HandleFunc("GET /sometimes", a.sometimes)                                              // = unknown
	m.HandleFunc("GET /early", a.early)                                                      // = unknown
	m.HandleFunc("GET /both", a.both)                                                        // = Job:READ & Job:WRITE
	m.HandleFunc("GET /either", a.either)                                                    // = Job:READ | Job:WRITE
	m.HandleFunc("GET /allowed", a.allowed)                                                  // = Job:READ | Job:WRITE
	m.HandleFunc("GET /in-turn", a.inTurn)                                                   // = Job:READ | Job:WRITE
	m.HandleFunc("GET /here", a.here)                                                        // = Job:READ | Job:WRITE
	m.HandleFunc("GET /or-admin", a.orAdmin)                                                 // = unknown
	m.HandleFunc("GET /refused", a.refused)                                                  // = unknown
	m.HandleFunc("GET /is-refused", a.isRefused)                                             // = Job:READ
	m.HandleFunc("GET /wrong-way", a.wrongWay)                                               // = unknown
	m.HandleFunc("GET /numbered", a.numbered)                                                // = JobsAdmin
	m.HandleFunc("GET /field", a.field)                                                      // = Job:WRITE
	m.HandleFunc("GET /insert", a.insert)                                                    // = unknown
	m.HandleFunc("GET /tx", a.tx)                                                            // = unknown
	m.HandleFunc("GET /local", a.local)                                                      // = Job:READ
	m.HandleFunc("GET /changed", a.changed)                                                  // = unknown
	m.HandleFunc("GET /by-method", a.byMethod)                                               // = unknown
	m.HandleFunc("GET /serves-first", a.servesFirst)                                         // = unknown
	m.HandleFunc("GET /positive", a.positive)                                                // = Job:READ
	m.HandleFunc("GET /view", a.view)                                                        // = nothing
	m.HandleFunc("GET /wrapped", a.wrap(a.sometimes))                                        // = Job:READ
	m.Handle("GET /literal", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // = Job:WRITE
		if _, err := svc.Create(r.Context(), "x"); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
	}))
	m.HandleFunc("GET /none", a.none) // = nothing
	_ = http.ListenAndServe(":8080", m)
}

func (a *api) create(w http.ResponseWriter, r *http.Request) {
	var in struct{ Name string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	job, err := a.svc.Create(r.Context(), in.Name)
	if err != nil {
		fail(w, err)
		return
	}
	_ = json.NewEncoder(w).Encode(job)
}

func fail(w http.ResponseWriter, err error) { http.Error(w, err.Error(), http.StatusForbidden) }

func respond(w http.ResponseWriter, v any, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	_ = json.NewEncoder(w).Encode(v)
}

func (a *api) answered(w http.ResponseWriter, r *http.Request) {
	job, err := a.svc.Create(r.Context(), "x")
	respond(w, job, err)
}

func (a *api) switched(w http.ResponseWriter, r *http.Request) {
	job, err := a.svc.Create(r.Context(), "x")
	switch {
	case errors.Is(err, deepsvc.ErrRefused):
		http.Error(w, "no", http.StatusForbidden)
		return
	case err != nil:
		http.Error(w, "no", http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(job)
}

func (a *api) orElse(w http.ResponseWriter, r *http.Request) {
	if job, err := a.svc.Create(r.Context(), "x"); err != nil {
		http.Error(w, "no", http.StatusForbidden)
	} else {
		_ = json.NewEncoder(w).Encode(job)
	}
}

func (a *api) only(w http.ResponseWriter, r *http.Request) {
	if deepsvc.From(r.Context()).Can("Job:WRITE") {
		_ = json.NewEncoder(w).Encode("x")
	}
}

func (a *api) forwarded(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Kind", "job")
	a.create(w, r)
}

func (a *api) update(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.Update(r.Context()); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) deeper(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.Deeper(r.Context()); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) dropped(w http.ResponseWriter, r *http.Request) {
	_ = a.svc.Update(r.Context())
	_ = json.NewEncoder(w).Encode("done")
}

func (a *api) mustWrite(w http.ResponseWriter, r *http.Request) bool {
	if !deepsvc.From(r.Context()).Can("Job:WRITE") {
		http.Error(w, "no", http.StatusForbidden)
		return false
	}
	return true
}

func (a *api) flag(w http.ResponseWriter, r *http.Request) {
	if !a.mustWrite(w, r) {
		return
	}
	_ = json.NewEncoder(w).Encode("done")
}

func (a *api) flagDropped(w http.ResponseWriter, r *http.Request) {
	a.mustWrite(w, r)
	_ = json.NewEncoder(w).Encode("done")
}

func (a *api) viaInterface(w http.ResponseWriter, r *http.Request) {
	if _, err := a.through.Create(r.Context(), "x"); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) viaGiven(w http.ResponseWriter, r *http.Request) {
	if _, err := a.given.Create(r.Context(), "x"); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) viaStore(w http.ResponseWriter, r *http.Request) {
	if err := a.store.Update(r.Context()); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) read(w http.ResponseWriter, r *http.Request) {
	job := a.svc.Read(r.Context())
	if job == nil {
		http.Error(w, "no", http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(job)
}

func (a *api) readAny(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode(a.svc.Read(r.Context()))
}

func (a *api) quiet(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.Quiet(r.Context()); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) sometimes(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.Sometimes(r.Context(), nil); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) early(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.Early(r.Context(), nil); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) both(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.Both(r.Context()); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) either(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.EitherOf(r.Context()); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) allowed(w http.ResponseWriter, r *http.Request) {
	if !deepsvc.Allowed(deepsvc.From(r.Context())) {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
}

func (a *api) inTurn(w http.ResponseWriter, r *http.Request) {
	if err := deepsvc.AllowedInTurn(deepsvc.From(r.Context())); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) here(w http.ResponseWriter, r *http.Request) {
	u := deepsvc.From(r.Context())
	if !u.Can("Job:WRITE") && !u.Can(deepsvc.PermRead) {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	_ = json.NewEncoder(w).Encode("x")
}

func (a *api) orAdmin(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.OrAdmin(r.Context()); err != nil {
		fail(w, err)
		return
	}
}

// Its Refused lets in: the condition stands on its head.
func (a *api) refused(w http.ResponseWriter, r *http.Request) {
	if !deepsvc.Refused(deepsvc.From(r.Context())) {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
}

func (a *api) isRefused(w http.ResponseWriter, r *http.Request) {
	if deepsvc.IsRefused(deepsvc.From(r.Context())) {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
}

func (a *api) wrongWay(w http.ResponseWriter, r *http.Request) {
	if !deepsvc.IsRefused(deepsvc.From(r.Context())) {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
}

func (a *api) numbered(w http.ResponseWriter, r *http.Request) {
	if !deepsvc.Numbered(deepsvc.From(r.Context())) {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
}

func (a *api) field(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.Field(r.Context()); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) insert(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.Insert(r.Context()); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) tx(w http.ResponseWriter, r *http.Request) {
	if err := a.svc.InTx(r.Context()); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) local(w http.ResponseWriter, r *http.Request) {
	need := deepsvc.PermRead
	if err := deepsvc.Check(r.Context(), need); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) changed(w http.ResponseWriter, r *http.Request) {
	need := deepsvc.PermRead
	if r.URL.Query().Has("all") {
		need = ""
	}
	if err := deepsvc.Check(r.Context(), need); err != nil {
		fail(w, err)
		return
	}
}

func (a *api) byMethod(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		if err := a.svc.Update(r.Context()); err != nil {
			fail(w, err)
			return
		}
	}
	_ = json.NewEncoder(w).Encode("x")
}

func (a *api) servesFirst(w http.ResponseWriter, r *http.Request) {
	respond(w, "x", nil)
	if !deepsvc.From(r.Context()).Can("Job:WRITE") {
		return
	}
}

func (a *api) positive(w http.ResponseWriter, r *http.Request) {
	if deepsvc.From(r.Context()).Can("Job:READ") {
		_ = json.NewEncoder(w).Encode("x")
		return
	}
	http.Error(w, "no", http.StatusForbidden)
}

// What the page shows is not whether it is shown.
func (a *api) view(w http.ResponseWriter, r *http.Request) {
	page := struct{ CanEdit bool }{deepsvc.From(r.Context()).Can("Job:WRITE")}
	_ = json.NewEncoder(w).Encode(page)
}

func (a *api) wrap(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := a.requireRead(r); err != nil {
			fail(w, err)
			return
		}
		next(w, r)
	}
}

func (a *api) requireRead(r *http.Request) error {
	return deepsvc.Check(r.Context(), deepsvc.PermRead)
}

func (a *api) none(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode("x")
}
