// Package described registers what a table of structs says, with a router. // want package:"guards"
package described

import "net/http"

type route struct {
	path   string
	h      http.HandlerFunc
	public bool
}

type row struct {
	path  string
	h     http.HandlerFunc
	needs []string
}

func serve(open bool) {
	m := http.NewServeMux()
	rs := []route{
		{"GET /health", h, true},   // = public
		{"GET /jobs", h, false},    // = Job:READ
		{path: "POST /jobs", h: h}, // = Job:READ
		{"GET /either", h, open},   // = unknown
		{"GET /all", h, !open},     // = unknown
	}
	for _, r := range rs {
		m.HandleFunc(r.path, r.h)
	}
	for _, r := range []row{
		{"GET /rows", h, []string{"Job:WRITE"}}, // = Job:WRITE
		{"GET /open", h, nil},                   // = nothing
	} {
		m.HandleFunc(r.path, r.h)
	}
	m.HandleFunc("GET /alone", h) // = nothing
	_ = http.ListenAndServe(":8080", m)
}

func h(http.ResponseWriter, *http.Request) {}
