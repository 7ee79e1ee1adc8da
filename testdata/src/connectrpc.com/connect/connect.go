// Package connect has the signatures of connectrpc.com/connect that the analyzers' tests
// use.
package connect

import (
	"context"
	"net/http"
)

type (
	Handler         struct{}
	HandlerOption   interface{}
	Request[T any]  struct{ Msg *T }
	Response[T any] struct{ Msg *T }
)

func NewUnaryHandler[Req, Res any](procedure string, unary func(context.Context, *Request[Req]) (*Response[Res], error), options ...HandlerOption) *Handler {
	return nil
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {}
