// Package web has the names of beego that the tests of this module need.
package web

type ControllerInterface interface{}

type Controller struct{}

type ControllerOption func(*int)

type HttpServer struct{}

type Namespace struct{}

type LinkNamespace func(*Namespace)

func AutoRouter(c ControllerInterface) *HttpServer                  { return nil }
func AutoPrefix(prefix string, c ControllerInterface) *HttpServer   { return nil }
func Include(cList ...ControllerInterface) *HttpServer              { return nil }
func RESTRouter(rootpath string, c ControllerInterface) *HttpServer { return nil }
func RouterWithOpts(rootpath string, c ControllerInterface, opts ...ControllerOption) *HttpServer {
	return nil
}
func (app *HttpServer) AutoRouter(c ControllerInterface) *HttpServer   { return app }
func (n *Namespace) Include(cList ...ControllerInterface) *Namespace   { return n }
func NewNamespace(prefix string, params ...LinkNamespace) *Namespace   { return nil }
func AddNamespace(nl ...*Namespace)                                    {}
func NSAutoPrefix(prefix string, c ControllerInterface) LinkNamespace  { return nil }
func NSInclude(cList ...ControllerInterface) LinkNamespace             { return nil }
func NSNamespace(prefix string, params ...LinkNamespace) LinkNamespace { return nil }
func (app *HttpServer) Router(rootPath string, c ControllerInterface, mappingMethods ...string) *HttpServer {
	return app
}
