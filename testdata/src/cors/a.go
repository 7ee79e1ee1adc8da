package cors

import (
	"net/http"

	gincors "github.com/gin-contrib/cors"
	chicors "github.com/go-chi/cors"
	"github.com/gofiber/fiber/v2"
	fibercors "github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/gorilla/handlers"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/rs/cors"
)

const allow = "access-control-allow-origin"

func serve(mux http.Handler, e *echo.Echo, app *fiber.App) {
	_ = cors.Default().Handler(mux)                                             // want `cors.Default lets web pages call the API, which catalog positions keeps from browsers`
	_ = cors.AllowAll()                                                         // want `cors.AllowAll lets`
	_ = cors.New(cors.Options{AllowedOrigins: []string{"https://example.com"}}) // want `cors.New lets`
	_ = chicors.Handler(chicors.Options{})                                      // want `cors.Handler lets`
	_ = gincors.Default()                                                       // want `cors.Default lets`
	_ = gincors.New(gincors.Config{})                                           // want `cors.New lets`
	_ = chicors.New(chicors.Options{})                                          // want `cors.New lets`
	_ = chicors.AllowAll()                                                      // want `cors.AllowAll lets`
	_ = handlers.CORS()                                                         // want `handlers.CORS lets`
	e.Use(middleware.CORS(), middleware.Gzip())                                 // want `middleware.CORS lets`
	e.Use(middleware.CORSWithConfig(middleware.CORSConfig{}))                   // want `middleware.CORSWithConfig lets`
	app.Use(fibercors.New())                                                    // want `cors.New lets`
	open := middleware.CORS                                                     // want `middleware.CORS lets`
	_ = open
}

func handle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")        // want `Access-Control-Allow-Origin lets web pages call the API`
	w.Header().Add(allow, r.Header.Get("Origin"))             // want `Access-Control-Allow-Origin lets`
	w.Header()[http.CanonicalHeaderKey("Vary")] = nil         // another header
	w.Header()["Access-Control-Allow-Origin"] = []string{"*"} // want `Access-Control-Allow-Origin lets`
	w.Header().Del("Access-Control-Allow-Origin")             // takes it away
	w.Header().Set("Access-Control-Max-Age", "1")
	_ = w.Header().Get("Access-Control-Allow-Origin")
	local{}.Set("Access-Control-Allow-Origin", "*") // no header
	//permcheck:ignore cors-opened the licence is for everybody
	w.Header().Set("Access-Control-Allow-Origin", "*")
}

type local struct{}

func (local) Set(name, value string) {}
