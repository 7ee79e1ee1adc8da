// Package huma has the signatures of github.com/danielgtaylor/huma/v2 that the
// analyzers' tests use.
package huma

import "context"

type API interface {
	UseMiddleware(middlewares ...func(ctx Context, next func(Context)))
}

type Context interface{}

type Operation struct {
	Method, Path string
	Security     []map[string][]string
}

func Register[I, O any](api API, op Operation, handler func(context.Context, *I) (*O, error)) {}

func AutoRegister(api API, server any) {}
