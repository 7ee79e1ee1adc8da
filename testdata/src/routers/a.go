// want package:"routes"

// Package routers registers with several routers, in ways that the routers' own
// tests do not need.
package routers

import (
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"
)

func need(string) gin.HandlerFunc { return func(*gin.Context) {} }
func h(*gin.Context)              {}
func needEcho(string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc { return next }
}
func eh(c echo.Context) error               { return nil }
func mh(http.ResponseWriter, *http.Request) {}
func needMux(string) mux.MiddlewareFunc {
	return func(next http.Handler) http.Handler { return next }
}
func fh(*fiber.Ctx) error            { return nil }
func needFiber(string) fiber.Handler { return func(c *fiber.Ctx) error { return c.Next() } }

// A home-made router around gin, with closure groups that have no parameter.
type app struct {
	*gin.Engine
	prefix string
	chain  []gin.HandlerFunc
}

func (a *app) group(prefix string, f func(), chain ...gin.HandlerFunc) {
	oldPrefix, oldChain := a.prefix, a.chain
	a.prefix += prefix
	a.chain = append(a.chain, chain...)
	f()
	a.prefix, a.chain = oldPrefix, oldChain
}

func (a *app) on(method, path string, handlers ...gin.HandlerFunc) {
	a.Engine.Handle(method, a.prefix+path, append(a.chain, handlers...)...)
}

func ginRoutes() {
	a := &app{Engine: gin.New()}
	a.on("GET", "/top", h)
	a.group("/admin", func() {
		a.on("POST", "/x", need("own"), h)
		a.group("/deep", func() { a.on("PUT", "/y", h) }, need("deep"))
	}, need("admin"))
	a.on("DELETE", "/end", h)
	if os.Getenv("DEBUG") != "" {
		a.GET("/debug", h)
	}
	a.Static("/assets", "./assets")
	for _, r := range []struct {
		method, path string
		handlers     gin.HandlersChain
	}{{"GET", "/one", gin.HandlersChain{need("one"), h}}, {"PUT", "/two", gin.HandlersChain{h}}} {
		a.Handle(r.method, r.path, r.handlers...)
	}
	a.GET(os.Getenv("WHERE"), h)
	a.GET("/chain", unknownChain()...)
}

var unknownChain func() []gin.HandlerFunc

// An interface of one's own that echo satisfies, as generated servers declare it.
type echoRouter interface {
	GET(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
}

func registerHandlers(r echoRouter, base string) { r.GET(base+"/generated/:id", eh) }

func echoRoutes() {
	e := echo.New()
	registerHandlers(e, "/api")
	for _, g := range []*echo.Group{e.Group("/a", needEcho("a")), e.Group("/b")} {
		g.POST("/same", eh)
	}
	e.Static("/files", ".")
	get := e.GET
	get("/value", eh)
	e.Use(needEcho("all"))
}

type endpoint struct {
	methods []string
	path    string
	serve   http.HandlerFunc
}

func muxRoutes() http.Handler {
	r := mux.NewRouter()
	api := r.PathPrefix("/api").Subrouter()
	for _, e := range []endpoint{{[]string{"GET", "HEAD"}, "/x", mh}, {path: "/y", serve: mh}} {
		route := api.Path(e.path)
		if len(e.methods) > 0 {
			route.Methods(e.methods...)
		}
		route.HandlerFunc(e.serve)
	}
	r.Methods("POST").Path("/never")
	admin(r.Path("/admin/{id}").Subrouter())
	return r
}

func admin(r *mux.Router) {
	r.Use(needMux("admin"))
	r.Methods(http.MethodPut).HandlerFunc(mh)
	r.HandleFunc("/more", mh)
}

func fiberRoutes(routers ...fiber.Router) {
	app := fiber.New()
	app.Use("/v1", needFiber("v1"))
	v1 := app.Group("/v1")
	v1.Get("/x/:id?", fh)
	app.Get("/:tenant/x", fh)
	sub := fiber.New()
	sub.Get("/s", needFiber("s"), fh)
	app.Mount("/v1/sub", sub)
}
