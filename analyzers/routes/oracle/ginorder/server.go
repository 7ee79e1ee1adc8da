// Package ginorder is a server whose middleware is added at every place where gin
// lets one add it.
package ginorder

import (
	"github.com/gin-gonic/gin"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func mark(name string) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Writer.Header().Add(extract.Trail, name)
		c.Next()
	}
}

func reply(name string) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Writer.Header().Add(extract.Trail, name)
		c.Status(200)
	}
}

func server() *gin.Engine {
	r := gin.New()
	r.GET("/before", reply("before"))
	early := r.Group("/early")
	r.Use(mark("root"))
	r.GET("/between", mark("own"), mark("own2"), reply("between"))
	early.GET("/a", reply("early a"))
	late := r.Group("/late", mark("late"))
	{
		late.GET("", reply("late"))
		late.GET("/", reply("late slash"))
		sub := late.Group("/:id")
		late.Use(mark("late use"))
		sub.POST("/before", reply("sub before"))
		sub.Use(mark("sub"), mark("sub2"))
		sub.POST("after", reply("sub after"))
		late.DELETE("/x/*rest", reply("late rest"))
	}
	r.Use(mark("root late"))
	late.PUT("/after", reply("late after"))
	r.PATCH("/after", reply("after"))
	r.Any("/any", reply("any"))
	r.Match([]string{"GET", "POST"}, "/match", mark("m"), reply("match"))
	r.Handle("OPTIONS", "/handle", reply("handle"))
	r.GET("/one", reply("one")).POST("/two", reply("two"))
	chain := []gin.HandlerFunc{mark("c1"), mark("c2")}
	r.GET("/chain", append(chain, reply("chain"))...)
	register(r.Group("/lib", mark("lib")), r)
	var group gin.IRouter = &r.RouterGroup
	group.HEAD("/iface", reply("iface"))
	return r
}

func register(g gin.IRoutes, e *gin.Engine) {
	g.GET("/x", reply("lib x"))
	g.Use(mark("lib use"))
	g.GET("/y", reply("lib y"))
	e.GET("/direct", reply("direct"))
}
