// Package huma has the names of huma that the tests of this module need.
package huma

type API interface{ Adapter() Adapter }

type Adapter interface{}

func AutoRegister(api API, server any) {}
