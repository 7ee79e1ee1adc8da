// Package middleware is a stub of the library of that name: the signatures that tests use.
package middleware

import "github.com/labstack/echo/v4"

type CORSConfig struct{ AllowOrigins []string }

func CORS() echo.MiddlewareFunc                            { return nil }
func CORSWithConfig(config CORSConfig) echo.MiddlewareFunc { return nil }
func Gzip() echo.MiddlewareFunc                            { return nil }
