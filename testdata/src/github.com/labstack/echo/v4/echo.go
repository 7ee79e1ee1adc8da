// Package echo is a stub of the library of that name: the signatures that tests use.
package echo

type Context interface {
	NoContent(code int) error
	JSON(code int, i any) error
}

type (
	HandlerFunc    func(c Context) error
	MiddlewareFunc func(next HandlerFunc) HandlerFunc
	Route          struct{}
	Echo           struct{}
	Group          struct{}
)

func New() (e *Echo) { return nil }

func (e *Echo) Use(middleware ...MiddlewareFunc) {}

func (e *Echo) Pre(middleware ...MiddlewareFunc) {}

func (e *Echo) GET(path string, h HandlerFunc, m ...MiddlewareFunc) *Route { return nil }

func (e *Echo) POST(path string, h HandlerFunc, m ...MiddlewareFunc) *Route { return nil }

func (e *Echo) Match(methods []string, path string, handler HandlerFunc, middleware ...MiddlewareFunc) []*Route {
	return nil
}

func (e *Echo) Any(path string, handler HandlerFunc, middleware ...MiddlewareFunc) []*Route {
	return nil
}

func (e *Echo) Static(pathPrefix, fsRoot string) *Route { return nil }

func (e *Echo) Group(prefix string, m ...MiddlewareFunc) (g *Group) { return nil }

func (g *Group) Use(middleware ...MiddlewareFunc) {}

func (g *Group) GET(path string, h HandlerFunc, m ...MiddlewareFunc) *Route { return nil }

func (g *Group) POST(path string, h HandlerFunc, m ...MiddlewareFunc) *Route { return nil }

func (g *Group) Group(prefix string, middleware ...MiddlewareFunc) (sg *Group) { return nil }
