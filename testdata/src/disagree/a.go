package disagree

import (
	"authz"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/emicklei/go-restful/v3"
	"github.com/go-chi/chi/v5"
)

func serve() {
	r := chi.NewRouter()
	read, write := authz.Require(authz.Read), authz.Require(authz.Write)
	//permcheck:requires position:read
	r.With(read).Get("/positions", ok) // an alias is the same
	//permcheck:requires Position:READ
	r.With(write).Post("/positions", ok) // want `//permcheck:requires of POST /positions says Position:READ, but the code demands Position:WRITE$`
	//permcheck:public it was once
	r.With(read).Get("/positions/{id}", ok) // want `//permcheck:public of GET /positions/\{id\} says public, but the code demands Position:READ`
	r.With(write).Put("/positions/{id}", documented)
	r.With(read).Put("/positions/{id}", documented)  // want `@Security of its handler of PUT /positions/\{id\} says Position:WRITE, but the code demands Position:READ`
	r.With(read, write).Patch("/positions/{id}", ok) // two guards do not disagree
	r.With(write).Delete("/positions/{id}", checks)  // neither do a guard and a check
	//permcheck:requires Position:READ
	r.Get("/either", commented) // want `//permcheck:requires of GET /either says Staff, but //permcheck:requires says Position:READ`
	r.With(authz.Staff).Get("/staff", other)
	r.With(authz.Require("Nonsense")).Get("/staff", commented) // unknown: another rule's
	http.ListenAndServe(":8080", r)
}

func ok(w http.ResponseWriter, r *http.Request) {}

// documented is documented.
//
// @Security ApiKey[Position:WRITE]
func documented(w http.ResponseWriter, r *http.Request) {}

// other speaks of a scheme that is none of the catalog's.
//
// @Security OAuth2[openid, profile]
// @Security ApiKey
func other(w http.ResponseWriter, r *http.Request) {}

//permcheck:requires Staff
func commented(w http.ResponseWriter, r *http.Request) {}

func checks(w http.ResponseWriter, r *http.Request) {
	if !authz.Has(r, authz.Read) {
		return
	}
}

type in struct{}

func operations(api huma.API) {
	huma.Register(api, huma.Operation{Method: "GET", Path: "/staff", Security: []map[string][]string{{"oauth": {"Staff"}}}}, nobodyAsks)
	huma.Register(api, huma.Operation{Method: "GET", Path: "/either", Security: []map[string][]string{{"a": {"Staff"}}, {"a": {"Position:READ"}}}}, nobodyAsks)
}

func nobodyAsks(ctx context.Context, _ *in) (*in, error) { return nil, nil }

func guarded(api huma.API) {
	api.UseMiddleware(asks(authz.Read))
	huma.Register(api, huma.Operation{Method: "GET", Path: "/positions", Security: []map[string][]string{{"oauth": {"Staff"}}}}, nobodyAsks) // want `its metadata of GET /positions says Staff, but the code demands Position:READ`
}

func asks(p string) func(huma.Context, func(huma.Context)) { return nil }

func services(ws *restful.WebService) {
	ws.Route(ws.GET("/positions").Filter(demand("Position:READ")).Metadata("permission", "Position:WRITE").To(serves)) // want `its metadata of GET /positions says Position:WRITE, but the code demands Position:READ`
	ws.Route(ws.GET("/staff").Metadata("permission", "Staff").Metadata("tags", []string{"people"}).To(serves))
}

func demand(p string) func(*restful.Request, *restful.Response, *restful.FilterChain) { return nil }
func serves(*restful.Request, *restful.Response)                                      {}
