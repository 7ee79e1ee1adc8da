// Package gin is a stub of the library of that name: the signatures that tests use.
package gin

type Context struct{}

func (c *Context) AbortWithStatus(code int) {}

func (c *Context) JSON(code int, obj any) {}

func (c *Context) Next() {}

func (c *Context) GetHeader(key string) string { return "" }

type HandlerFunc func(*Context)

type HandlersChain []HandlerFunc

type OptionFunc func(*Engine)

type IRouter interface {
	IRoutes
	Group(string, ...HandlerFunc) *RouterGroup
}

type IRoutes interface {
	Use(...HandlerFunc) IRoutes
	Handle(string, string, ...HandlerFunc) IRoutes
	Any(string, ...HandlerFunc) IRoutes
	GET(string, ...HandlerFunc) IRoutes
	POST(string, ...HandlerFunc) IRoutes
	Match([]string, string, ...HandlerFunc) IRoutes
	Static(string, string) IRoutes
}

type RouterGroup struct{}

func (group *RouterGroup) Use(middleware ...HandlerFunc) IRoutes { return group }

func (group *RouterGroup) Group(relativePath string, handlers ...HandlerFunc) *RouterGroup {
	return group
}

func (group *RouterGroup) Handle(httpMethod, relativePath string, handlers ...HandlerFunc) IRoutes {
	return group
}

func (group *RouterGroup) Any(relativePath string, handlers ...HandlerFunc) IRoutes { return group }

func (group *RouterGroup) GET(relativePath string, handlers ...HandlerFunc) IRoutes { return group }

func (group *RouterGroup) POST(relativePath string, handlers ...HandlerFunc) IRoutes { return group }

func (group *RouterGroup) PUT(relativePath string, handlers ...HandlerFunc) IRoutes { return group }

func (group *RouterGroup) DELETE(relativePath string, handlers ...HandlerFunc) IRoutes { return group }

func (group *RouterGroup) Match(methods []string, relativePath string, handlers ...HandlerFunc) IRoutes {
	return group
}

func (group *RouterGroup) Static(relativePath, root string) IRoutes { return group }

type Engine struct{ RouterGroup }

func New(opts ...OptionFunc) *Engine { return nil }

func (engine *Engine) Use(middleware ...HandlerFunc) IRoutes { return engine }
