package oracle

import "net/http"

// MuxPatterns has the forms of net/http's patterns.
func MuxPatterns() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /mux/items/{id}", with("a", ok))
	mux.HandleFunc("POST /mux/items", with("b", ok))
	mux.HandleFunc("/mux/any", ok)
	mux.HandleFunc("GET /mux/tree/", with("c", ok))
	mux.HandleFunc("GET /mux/exact/{$}", with("d", ok))
	mux.HandleFunc("GET /mux/rest/{path...}", ok)
	mux.Handle("DELETE /mux/items/{id}", need("a")(need("b")(http.HandlerFunc(ok))))
	return mux
}

// MuxNested mounts one mux on another, with and without its prefix, and wraps whole
// muxes.
func MuxNested() http.Handler {
	inner := http.NewServeMux()
	inner.HandleFunc("GET /users", with("b", ok))
	inner.HandleFunc("POST /users", ok)
	whole := http.NewServeMux()
	whole.HandleFunc("GET /nested/whole/x", ok)
	outer := http.NewServeMux()
	outer.Handle("/nested/v1/", http.StripPrefix("/nested/v1", need("a")(inner)))
	outer.Handle("/nested/whole/", need("c")(whole))
	return need("d")(outer)
}
