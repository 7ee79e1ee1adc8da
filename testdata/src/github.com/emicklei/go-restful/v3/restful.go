// Package restful has the signatures of github.com/emicklei/go-restful/v3 that the
// analyzers' tests use.
package restful

type (
	Request        struct{}
	Response       struct{}
	RouteFunction  func(*Request, *Response)
	FilterFunction func(*Request, *Response, *FilterChain)
	WebService     struct{}
	RouteBuilder   struct{}
	FilterChain    struct{}
)

func (w *WebService) Route(b *RouteBuilder) *WebService                      { return w }
func (w *WebService) GET(path string) *RouteBuilder                          { return nil }
func (b *RouteBuilder) To(f RouteFunction) *RouteBuilder                     { return b }
func (b *RouteBuilder) Metadata(key string, value interface{}) *RouteBuilder { return b }
func (b *RouteBuilder) Filter(filter FilterFunction) *RouteBuilder           { return b }
func (w *WebService) Path(root string) *WebService                           { return w }
func (w *WebService) POST(path string) *RouteBuilder                         { return nil }

func Add(service *WebService) {}
