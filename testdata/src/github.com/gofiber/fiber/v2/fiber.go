// Package fiber is a stub of the library of that name: the signatures that tests use.
package fiber

type (
	Ctx     struct{}
	Handler = func(*Ctx) error
	Config  struct{}
	App     struct{}
)

type Router interface {
	Use(args ...interface{}) Router
	Get(path string, handlers ...Handler) Router
	Group(prefix string, handlers ...Handler) Router
}

func New(config ...Config) *App { return nil }

func (c *Ctx) Next() error { return nil }

func (c *Ctx) SendStatus(status int) error { return nil }

func (app *App) Use(args ...interface{}) Router { return nil }

func (app *App) Get(path string, handlers ...Handler) Router { return nil }

func (app *App) Group(prefix string, handlers ...Handler) Router { return nil }

func (app *App) Mount(prefix string, subApp *App) Router { return nil }
