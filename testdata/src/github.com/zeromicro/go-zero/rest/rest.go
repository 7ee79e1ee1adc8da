// Package rest has the signatures of github.com/zeromicro/go-zero/rest that the
// analyzers' tests use.
package rest

import "net/http"

type (
	Server      struct{}
	RestConf    struct{}
	RunOption   func(*Server)
	RouteOption func(r *featuredRoutes)
	Middleware  func(next http.HandlerFunc) http.HandlerFunc

	Route struct {
		Method, Path string
		Handler      http.HandlerFunc
	}

	featuredRoutes struct{}
)

func MustNewServer(c RestConf, opts ...RunOption) *Server { return nil }

func (s *Server) AddRoutes(rs []Route, opts ...RouteOption) {}

func WithPrefix(group string) RouteOption { return nil }

func WithMiddlewares(ms []Middleware, rs ...Route) []Route { return rs }
