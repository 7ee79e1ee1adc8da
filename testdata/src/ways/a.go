// Package ways has middleware that refuses callers, or does not, and handlers that serve no // want package:"guards"
// endpoint. Each registration says what is known: asks, may ask or nothing, and what answers.
package ways

import (
	"embed"
	"html/template"
	"net/http"
	"net/http/httputil"
	"net/http/pprof"
	"strings"

	"ways/lib"
)

//go:embed a.go
var files embed.FS

type server struct {
	proxy *httputil.ReverseProxy
	other http.Handler
	guard lib.Guard
	pages *template.Template
	store *lib.Store
}

func ok(w http.ResponseWriter, r *http.Request) {}

func recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "forbidden", http.StatusForbidden)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 10 {
			http.Error(w, "too much", http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "OPTIONS" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func session(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("s"); err != nil {
			http.Redirect(w, r, "/login", http.StatusFound)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := lib.Check(r); err != nil {
			fail(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func fail(w http.ResponseWriter, err error) { w.Write([]byte(err.Error())) }

func (s *server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.guard.Handle(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

func me(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X") == "" {
		w.WriteHeader(401)
		return
	}
}

func counted(w http.ResponseWriter, r *http.Request) {
	if r.Response.StatusCode == 401 { // compared, not answered
		return
	}
}

func (s *server) page(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "a.go") }

func (s *server) app(w http.ResponseWriter, r *http.Request) {
	if _, err := files.Open(strings.TrimPrefix(r.URL.Path, "/")); err != nil {
		http.ServeFileFS(w, r, files, "index.html")
		return
	}
	http.FileServerFS(files).ServeHTTP(w, r)
}

func (s *server) login(w http.ResponseWriter, r *http.Request) { s.pages.Execute(w, nil) }

func (s *server) dashboard(w http.ResponseWriter, r *http.Request) { s.pages.Execute(w, load(r)) }

func load(r *http.Request) any { return nil }

func (s *server) fallback(w http.ResponseWriter, r *http.Request) {
	if clean(r.URL.Path) == "" {
		s.page(w, r)
		return
	}
	http.ServeFileFS(w, r, files, clean(r.URL.Path))
}

func clean(path string) string { return strings.TrimPrefix(path, "/") }

// A page is what it answers when there is no record: it serves records.
func (s *server) records(w http.ResponseWriter, r *http.Request) {
	rec := s.store.Get(r.URL.Path)
	if rec == nil {
		http.ServeFileFS(w, r, files, "404.html")
		return
	}
	w.Write(rec)
}

func (s *server) query(w http.ResponseWriter, r *http.Request) {
	text, _ := files.ReadFile("query.sql")
	w.Write(s.store.Get(string(text)))
}

func gone(w http.ResponseWriter, r *http.Request) { http.Error(w, "gone", http.StatusGone) }

func sometimes(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/x" {
		http.NotFound(w, r)
		return
	}
	w.Write([]byte("data"))
}

func serve(s *server) {
	m := http.NewServeMux()
	with := func(mw func(http.Handler) http.Handler) http.Handler { return mw(http.HandlerFunc(ok)) }
	m.Handle("/plain", http.HandlerFunc(ok))                                    // = nothing
	m.Handle("/recover", recoverer(http.HandlerFunc(ok)))                       // = nothing
	m.Handle("/limit", limit(http.HandlerFunc(ok)))                             // = nothing
	m.Handle("/cors", cors(http.HandlerFunc(ok)))                               // = nothing
	m.Handle("/log", lib.Log(http.HandlerFunc(ok)))                             // = nothing
	m.Handle("/keys", lib.Keys{}.Authenticate(http.HandlerFunc(ok)))            // = asks
	m.Handle("/session", session(http.HandlerFunc(ok)))                         // = asks
	m.Handle("/checked", checked(http.HandlerFunc(ok)))                         // = asks
	m.Handle("/both", recoverer(lib.Keys{}.Authenticate(http.HandlerFunc(ok)))) // = asks
	m.Handle("/interface", s.guarded(http.HandlerFunc(ok)))                     // = may ask
	m.Handle("/with", with(limit))                                              // = nothing
	m.HandleFunc("/me", me)                                                     // = asks
	m.HandleFunc("/counted", counted)                                           // = nothing
	m.HandleFunc("/literal", func(w http.ResponseWriter, r *http.Request) {     // = asks
		if r.Header.Get("X") == "" {
			http.Error(w, "no", 403)
			return
		}
	})
	m.HandleFunc("/page/", s.page)                                                   // = nothing, page
	m.HandleFunc("/app/", s.app)                                                     // = nothing, page
	m.HandleFunc("/fallback/", s.fallback)                                           // = nothing, page
	m.HandleFunc("/records/", s.records)                                             // = nothing
	m.HandleFunc("/query/", s.query)                                                 // = nothing
	m.HandleFunc("/login/", s.login)                                                 // = nothing, page
	m.HandleFunc("/dashboard/", s.dashboard)                                         // = nothing
	m.Handle("/files/", http.StripPrefix("/files", http.FileServer(http.FS(files)))) // = nothing, page
	m.Handle("/proxy/", s.proxy)                                                     // = nothing, opaque
	m.Handle("/other/", s.other)                                                     // = nothing, opaque
	m.HandleFunc("/debug/", pprof.Index)                                             // = nothing, opaque
	m.Handle("/nothing/", http.NotFoundHandler())                                    // = nothing, refuses
	m.HandleFunc("/gone/", gone)                                                     // = nothing, refuses
	m.HandleFunc("/sometimes/", sometimes)                                           // = nothing
	m.Handle("/moved/", http.RedirectHandler("/x", 301))                             // = nothing, redirect
	http.ListenAndServe("", m)
}
