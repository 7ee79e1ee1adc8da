// Package echoorder is a server whose middleware is added at every place where echo lets
// one add it.
package echoorder

import (
	"github.com/labstack/echo/v4"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func mark(name string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Add(extract.Trail, name)
			return next(c)
		}
	}
}

func reply(name string) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Add(extract.Trail, name)
		return c.NoContent(200)
	}
}

func server() *echo.Echo {
	e := echo.New()
	e.GET("/before", reply("before"))
	early := e.Group("/early")
	e.Use(mark("root"))
	early.GET("/a", reply("early a"))
	e.GET("/between", reply("between"), mark("own"), mark("own2"))
	g := e.Group("/g", mark("g"))
	{
		g.GET("", reply("g"))
		g.GET("/", reply("g slash"))
		sub := g.Group("/:id")
		g.Use(mark("g use"))
		sub.POST("/before", reply("sub before"))
		sub.Use(mark("sub"), mark("sub2"))
		sub.POST("/after", reply("sub after"), mark("own"))
		g.DELETE("/x/*", reply("g rest"))
		child := g.Group("/child", mark("child"))
		child.PUT("/y", reply("child y"))
	}
	e.Use(mark("root late"))
	e.Pre(mark("pre"))
	g.PUT("/after", reply("g after"))
	e.PATCH("/after", reply("after"))
	e.Any("/any", reply("any"), mark("a"))
	e.Match([]string{"GET", "POST"}, "/match", reply("match"), mark("m"))
	e.Add("OPTIONS", "/handle", reply("handle"))
	register(e.Group("/lib", mark("lib")), e)
	return e
}

func register(g *echo.Group, e *echo.Echo) {
	g.GET("/x", reply("lib x"))
	g.Use(mark("lib use"))
	g.GET("/y", reply("lib y"))
	e.GET("/direct", reply("direct"))
}
