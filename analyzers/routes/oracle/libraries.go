//go:build libraries

package oracle

// The libraries that the specs describe, so that the module requires them: their
// source is read, they are not compiled.
import (
	_ "connectrpc.com/connect"
	_ "github.com/beego/beego/v2/server/web"
	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/danielgtaylor/huma/v2/adapters/humachi"
	_ "github.com/danielgtaylor/huma/v2/adapters/humaecho"
	_ "github.com/danielgtaylor/huma/v2/adapters/humago"
	_ "github.com/emicklei/go-restful/v3"
	_ "github.com/gin-contrib/cors"
	_ "github.com/go-chi/cors"
	_ "github.com/gorilla/handlers"
	_ "github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	_ "github.com/julienschmidt/httprouter"
	_ "github.com/rs/cors"
	_ "github.com/zeromicro/go-zero/rest"
)
