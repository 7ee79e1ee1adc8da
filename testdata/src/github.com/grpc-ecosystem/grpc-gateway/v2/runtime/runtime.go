// Package runtime has the signatures of github.com/grpc-ecosystem/grpc-gateway/v2/runtime
// that the analyzers' tests use.
package runtime

import "net/http"

type (
	ServeMux       struct{}
	ServeMuxOption func(*ServeMux)
	Pattern        struct{}
	HandlerFunc    func(w http.ResponseWriter, r *http.Request, pathParams map[string]string)
)

func NewServeMux(opts ...ServeMuxOption) *ServeMux { return nil }

func NewPattern(version int, ops []int, pool []string, verb string) (Pattern, error) {
	return Pattern{}, nil
}

func MustPattern(p Pattern, err error) Pattern { return p }

func (s *ServeMux) Handle(meth string, pat Pattern, h HandlerFunc) {}

func (s *ServeMux) ServeHTTP(w http.ResponseWriter, r *http.Request) {}
