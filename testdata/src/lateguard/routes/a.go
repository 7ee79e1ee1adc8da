package routes

import "github.com/gin-gonic/gin"

func routes() {
	e := gin.New()
	e.GET("/health", h)
	e.GET("/positions", h) // want `GET /positions declares no permission; the catalog demands Position:READ; routes.need at line 10 comes too late for it`
	e.GET("/staff", h)     // want `GET /staff declares no permission; the catalog demands Staff; routes.need at line 10 comes too late for it`
	e.Use(need("Position:READ"))
	e.POST("/positions", h, need("Position:WRITE")) // a mismatch, not undeclared
}

func need(p string) gin.HandlerFunc { return func(*gin.Context) {} }

func h(*gin.Context) {}
