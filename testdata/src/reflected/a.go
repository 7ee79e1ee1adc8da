// want package:"routes"

// Package reflected leaves it to libraries to find its routes.
package reflected

import (
	"github.com/beego/beego/v2/server/web"
	"github.com/danielgtaylor/huma/v2"
)

type users struct{ web.Controller }

func (*users) List() {}

func serve(api huma.API, app *web.HttpServer) {
	web.AutoRouter(&users{})
	web.AutoPrefix("/x", &users{})
	web.Include(&users{})
	web.RESTRouter("/rest", &users{})
	web.RouterWithOpts("/opts", &users{})
	app.AutoRouter(&users{}).Router("/read", &users{}, "get:List")
	web.AddNamespace(web.NewNamespace("/v1",
		web.NSInclude(&users{}),
		web.NSNamespace("/deep", web.NSAutoPrefix("/p", &users{})),
	).Include(&users{}))
	huma.AutoRegister(api, &users{})
}
