// Package restfulorder is a server whose filters are added at every place where
// go-restful lets one add them.
package restfulorder

import (
	"github.com/emicklei/go-restful/v3"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func mark(name string) restful.FilterFunction {
	return func(r *restful.Request, w *restful.Response, chain *restful.FilterChain) {
		w.Header().Add(extract.Trail, name)
		chain.ProcessFilter(r, w)
	}
}

func reply(name string) restful.RouteFunction {
	return func(r *restful.Request, w *restful.Response) {
		w.Header().Add(extract.Trail, name)
	}
}

func server() *restful.Container {
	c := restful.NewContainer()
	ws := new(restful.WebService)
	ws.Path("/users").Consumes("*/*").Produces("*/*")
	ws.Route(ws.GET("").To(reply("list")))
	ws.Filter(mark("users"))
	ws.Route(ws.GET("/{id}").To(reply("get")).Filter(mark("own")).Filter(mark("own two")).Doc("one user"))
	ws.Route(ws.Method("PUT").Path("/{id:[0-9]+}/name").Filter(mark("name")).To(reply("put")))
	patch := ws.PATCH("/patched/")
	patch.To(reply("patch"))
	ws.Route(patch)
	ws.GET("/never/added").To(reply("never"))
	c.Add(ws)
	c.Filter(mark("container"))
	ws.Filter(mark("users late"))
	c.Add(files()).Add(plain())
	return c
}

func files() *restful.WebService {
	ws := new(restful.WebService)
	return ws.Path("/files").Route(ws.DELETE("/x/{rest:*}").To(reply("files")))
}

func plain() *restful.WebService {
	ws := new(restful.WebService).Path("/plain")
	for _, name := range []string{"one", "two"} {
		ws.Route(ws.POST(name).To(reply(name)))
	}
	return ws
}
