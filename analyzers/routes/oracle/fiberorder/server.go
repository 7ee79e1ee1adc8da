// Package fiberorder is a server whose middleware is added at every place where fiber lets
// one add it.
package fiberorder

import (
	"github.com/gofiber/fiber/v2"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func mark(name string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Response().Header.Add(extract.Trail, name)
		return c.Next()
	}
}

func reply(name string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Response().Header.Add(extract.Trail, name)
		return c.SendStatus(200)
	}
}

func server() *fiber.App {
	app := fiber.New()
	app.Get("/before", reply("before"))
	early := app.Group("/early")
	app.Use(mark("root"))
	early.Get("/a", reply("early a"))
	app.Get("/optional/:id?", reply("optional"))
	app.Get("/between", mark("own"), mark("own2"), reply("between"))
	g := app.Group("/g", mark("g"))
	{
		g.Get("", reply("g"))
		sub := g.Group("/:id")
		sub.Post("/before", reply("sub before"))
		g.Use(mark("g use"))
		sub.Use(mark("sub"), mark("sub2"))
		sub.Post("/after", mark("own"), reply("sub after"))
		g.Delete("/x/*", reply("g rest"))
	}
	app.Put("/g/direct", reply("not by the group"))
	app.Use("/area", mark("area"))
	app.Use([]string{"/one", "/two"}, mark("both"))
	app.Put("/area/x", reply("area x"))
	app.Put("/one", reply("one"))
	app.Put("/two/y", reply("two y"))
	app.Put("/area-code", reply("area code"))
	app.Use(mark("root late"))
	g.Patch("/after", reply("g after"))
	app.Patch("/after", reply("after"))
	app.All("/all", mark("a"), reply("all"))
	app.Route("/routed", func(r fiber.Router) {
		r.Get("/x", reply("routed x"))
		r.Use(mark("routed"))
		r.Get("/y", reply("routed y"))
	})
	app.Post("/p1", reply("p1")).Post("/p2", reply("p2"))
	app.Add("OPTIONS", "/add", mark("add"), reply("add"))
	app.Mount("/mounted", other())
	app.Use("/mounted", mark("after the mount"))
	return app
}

func other() *fiber.App {
	app := fiber.New()
	app.Get("/before", reply("other before"))
	app.Use(mark("other"))
	app.Get("/after/:id", reply("other after"))
	app.Group("/deep", mark("deep")).Post("/z", reply("other deep"))
	return app
}
