// Package store has records that a key may see in part.
package store

import "fmt"

type Position struct{ Published bool }

// All returns every position.
func All() []Position { return nil }

// Visible leaves what the key may see.
func Visible(key string, all []Position) []Position { return all }

// List filters two calls deep.
func List(key string) []Position { return list(key) }

func list(key string) []Position { return Visible(key, All()) }

// Query hands its rows to a function that it is given.
func Query(each func(Position)) { each(Position{}) }

func unrelated() { fmt.Println() }
