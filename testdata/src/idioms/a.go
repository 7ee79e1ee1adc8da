// Package idioms has handlers of several routers. // want package:"guards"
//
// They check permissions themselves, or leave it to what they call. Each line that
// registers a route says what it demands.
package idioms

import (
	"authz"
	"context"
	"deepsvc"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/labstack/echo/v4"
)

type user struct{ role string }

func (u *user) can(p string) bool { return u.role == p }

func (u *user) refused(any) bool { return u == nil }

func me(any) *user { return nil }

var svc = deepsvc.New("Job:WRITE")

func auth(c *gin.Context, resource, verb string) *user { return nil }

func require(p string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !me(c).can(p) {
			c.AbortWithStatus(http.StatusForbidden)
			return
		}
		c.Next()
	}
}

func serveHTTP() {
	m := http.NewServeMux()
	m.HandleFunc("GET /roles", authz.Roles(ok, "Job:READ", "Job:WRITE")) // = Job:READ | Job:WRITE
	m.HandleFunc("GET /role", authz.Roles(ok, "Job:READ"))               // = Job:READ
	_ = http.ListenAndServe(":8080", m)
}

func ok(w http.ResponseWriter, r *http.Request) {}

func serveGin() {
	e := gin.New()
	e.GET("/ladder", func(c *gin.Context) { // = Job:READ
		s := auth(c, "Job", "READ")
		if s.refused(c) {
			return
		}
		c.JSON(200, s)
	})
	e.GET("/abort", func(c *gin.Context) { // = Job:WRITE
		if c == nil {
			c.JSON(400, "no context")
			return
		}
		if !me(c).can("Job:WRITE") {
			c.AbortWithStatus(http.StatusForbidden)
			return
		}
		c.JSON(200, "x")
	})
	e.GET("/middleware", require("Job:READ"), func(c *gin.Context) { c.JSON(200, "x") }) // = Job:READ
	// The middleware's demand and that of the body.
	e.GET("/twice", require("Job:READ"), func(c *gin.Context) { // = Job:READ & Job:WRITE
		if !me(c).can("Job:WRITE") {
			c.AbortWithStatus(http.StatusForbidden)
			return
		}
	})
	// The body decides for some requests only: the middleware's demand stands.
	e.GET("/more", require("Job:READ"), func(c *gin.Context) { // = Job:READ
		if me(c).role == "x" && !me(c).can("Job:WRITE") {
			c.AbortWithStatus(http.StatusForbidden)
			return
		}
	})
}

func serveEcho() {
	e := echo.New()
	e.GET("/tail", func(c echo.Context) error { return svc.Update(context.Background()) }) // = Job:WRITE
	e.GET("/json", jobs)                                                                   // = Job:WRITE
	e.GET("/status", func(c echo.Context) error {                                          // = Job:READ
		if !me(c).can("Job:READ") {
			return c.NoContent(http.StatusForbidden)
		}
		return c.JSON(200, "Job:WRITE")
	})
	// The answer of a helper is not an error: the handler goes on.
	e.GET("/answered", func(c echo.Context) error { // = unknown
		if err := must(c); err != nil {
			return err
		}
		return c.JSON(200, "x")
	})
}

func jobs(c echo.Context) error {
	job, err := svc.Create(context.Background(), "x")
	if err != nil {
		return err
	}
	return c.JSON(200, job)
}

func must(c echo.Context) error {
	if !me(c).can("Job:READ") {
		return c.NoContent(http.StatusForbidden)
	}
	return nil
}

func serveFiber() {
	app := fiber.New()
	app.Get("/jobs/:id?", func(c *fiber.Ctx) error { // = Job:WRITE
		if err := svc.Update(context.Background()); err != nil {
			return c.SendStatus(403)
		}
		return c.SendStatus(200)
	})
}

type input struct{}

type output struct{}

func serveHuma(api huma.API) {
	huma.Register(api, huma.Operation{Method: "GET", Path: "/op"}, read)                                                    // = Job:READ
	huma.Register(api, huma.Operation{Method: "POST", Path: "/op"}, func(ctx context.Context, in *input) (*output, error) { // = Job:WRITE
		if err := svc.Update(ctx); err != nil {
			return nil, errors.Join(errors.New("update"), err)
		}
		return &output{}, nil
	})
	huma.Register(api, huma.Operation{Method: "GET", Path: "/free"}, free) // = nothing
}

func read(ctx context.Context, in *input) (*output, error) {
	if err := deepsvc.Check(ctx, deepsvc.PermRead); err != nil {
		return nil, err
	}
	return &output{}, nil
}

func free(ctx context.Context, in *input) (*output, error) { return &output{}, nil }
