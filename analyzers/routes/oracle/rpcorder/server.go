// Package rpcorder is a server with handlers as protoc-gen-connect-go and
// protoc-gen-grpc-gateway write them.
package rpcorder

import (
	"context"
	"net/http"

	"connectrpc.com/connect"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func mark(name string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add(extract.Trail, name)
			next.ServeHTTP(w, r)
		})
	}
}

const (
	pingName      = "acme.v1.PingService"
	pingProcedure = "/acme.v1.PingService/Ping"
	pongProcedure = "/acme.v1.PingService/Pong"
)

type pingHandler interface {
	Ping(context.Context, *connect.Request[emptypb.Empty]) (*connect.Response[emptypb.Empty], error)
	Pong(context.Context, *connect.Request[emptypb.Empty]) (*connect.Response[emptypb.Empty], error)
}

func newPingHandler(svc pingHandler, opts ...connect.HandlerOption) (string, http.Handler) {
	ping := connect.NewUnaryHandler(pingProcedure, svc.Ping, connect.WithHandlerOptions(opts...))
	pong := connect.NewUnaryHandler(pongProcedure, svc.Pong, connect.WithHandlerOptions(opts...))
	return "/acme.v1.PingService/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case pingProcedure:
			ping.ServeHTTP(w, r)
		case pongProcedure:
			pong.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

type service struct{}

func (service) Ping(context.Context, *connect.Request[emptypb.Empty]) (*connect.Response[emptypb.Empty], error) {
	return connect.NewResponse(&emptypb.Empty{}), nil
}

func (service) Pong(context.Context, *connect.Request[emptypb.Empty]) (*connect.Response[emptypb.Empty], error) {
	return connect.NewResponse(&emptypb.Empty{}), nil
}

var (
	patternList = runtime.MustPattern(runtime.NewPattern(1, []int{2, 0, 2, 1}, []string{"v1", "items"}, ""))
	patternGet  = runtime.MustPattern(runtime.NewPattern(1, []int{2, 0, 2, 1, 1, 0, 4, 1, 5, 2}, []string{"v1", "items", "id"}, ""))
	patternVerb = runtime.MustPattern(runtime.NewPattern(1, []int{2, 0, 2, 1, 1, 0, 4, 2, 5, 2}, []string{"v1", "shelves", "name"}, "archive"))
)

func answer(name string) runtime.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request, _ map[string]string) { w.Header().Add(extract.Trail, name) }
}

func reply(name string) runtime.HandlerFunc { return answer(name) }

func registerItems(mux *runtime.ServeMux) {
	mux.Handle(http.MethodGet, patternList, reply("list"))
	mux.Handle("DELETE", patternGet, reply("get"))
	mux.Handle("POST", patternVerb, reply("archive"))
}

func server() http.Handler {
	gateway := runtime.NewServeMux()
	registerItems(gateway)
	if err := gateway.HandlePath("PUT", "/v1/path/{id}", reply("path")); err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	path, handler := newPingHandler(service{})
	mux.Handle(path, mark("connect")(handler))
	mux.Handle("/v1/", mark("gateway")(gateway))
	return mux
}
