// Package beegoorder is a server with controllers, namespaces and filters of beego.
package beegoorder

import (
	"github.com/beego/beego/v2/server/web"
	"github.com/beego/beego/v2/server/web/context"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func mark(name string) web.FilterFunc {
	return func(c *context.Context) { c.ResponseWriter.Header().Add(extract.Trail, name) }
}

func reply(name string) web.HandleFunc {
	return func(c *context.Context) {
		c.ResponseWriter.Header().Add(extract.Trail, name)
		c.WriteString("ok")
	}
}

type users struct{ web.Controller }

func (u *users) List()   { u.Ctx.WriteString("list") }
func (u *users) Create() { u.Ctx.WriteString("create") }

func server() *web.HttpServer {
	web.Get("/a", reply("a"))
	web.Post("/b/:id:int", reply("b"))
	web.Any("/any", reply("any"))
	web.Router("/users", &users{}, "get:List;post,put:Create")
	web.AddNamespace(web.NewNamespace("/v1",
		web.NSGet("/x", reply("v1 x")),
		web.NSBefore(mark("v1")),
		web.NSRouter("/users/:id", &users{}, "delete:Create"),
		web.NSNamespace("/deep",
			web.NSBefore(mark("deep")),
			web.NSPatch("/y", reply("deep y")),
		),
	))
	web.BeeApp.Put("/after", reply("after"))
	return web.BeeApp
}
