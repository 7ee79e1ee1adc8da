package lateguard

import (
	"authz"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"
)

func chiRoutes() {
	r := chi.NewRouter()
	r.Get("/health", ok)
	r.Get("/positions", ok)
	r.Get("/positions/{id}", ok)
	r.Use(authz.Require(authz.Read)) // want `authz.Require is added too late: with chi it does not cover the routes registered before it$`
	r.Use(logs)
	http.ListenAndServe(":8080", r)
}

func chiGroups() {
	r := chi.NewRouter()
	r.Get("/health", ok)
	r.With(authz.Require(authz.Read)).Get("/positions", ok)
	r.Group(func(r chi.Router) {
		r.Use(authz.Require(authz.Write)) // of this group only
		r.Post("/positions", ok)
	})
	http.ListenAndServe(":8080", r)
}

func ginRoutes() {
	e := gin.New()
	e.GET("/health", h) // before the guards of others, as it may
	e.Use(need("Position:READ"))
	e.GET("/positions", h)
	e.POST("/positions", h) // it lacks another permission than that which comes late
	api := e.Group("/")
	api.GET("/staff", h)
	e.Use(need("Staff"))                           // want `lateguard.need is added too late: with gin it does not cover the routes registered before it`
	e.GET("/either", h, need("Position:READ"))     // want `lateguard.need stands after the handler of GET /either and has no effect: gin runs them in their order`
	e.GET("/positions/:id", logsGin, ask("Staff")) // a handler that asks by itself
}

func need(p string) gin.HandlerFunc { return func(*gin.Context) {} }

func ask(p string) gin.HandlerFunc { return func(*gin.Context) {} }

func h(*gin.Context)       {}
func logsGin(*gin.Context) {}

func fiberRoutes() {
	app := fiber.New()
	app.Get("/positions", fh)
	app.Use("/positions", needFiber("Position:READ")) // want `lateguard.needFiber is added too late: with fiber it does not cover`
	app.Get("/staff", fh)
	app.Use("/other", needFiber("Staff"))      // it is not for that path
	app.Get("/either", fh, needFiber("Staff")) // want `lateguard.needFiber stands after the handler of GET /either`
}

func needFiber(p string) fiber.Handler { return func(c *fiber.Ctx) error { return c.Next() } }
func fh(*fiber.Ctx) error              { return nil }

func echoRoutes() {
	e := echo.New()
	e.GET("/positions", eh)
	e.Use(needEcho("Position:READ")) // the Echo's own covers earlier routes
	g := e.Group("")
	g.POST("/positions", eh)
	g.Use(needEcho("Position:WRITE")) // want `lateguard.needEcho is added too late: with echo it does not cover`
	other := e.Group("")
	other.Use(needEcho("Staff")) // another group's
}

func needEcho(string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc { return next }
}
func eh(c echo.Context) error { return nil }

func muxRoutes() {
	r := mux.NewRouter()
	r.HandleFunc("/staff", ok).Methods("GET")
	r.Use(authz.Require("Staff")) // covers all
}

func ok(w http.ResponseWriter, r *http.Request) {}

func logs(h http.Handler) http.Handler { return h }
