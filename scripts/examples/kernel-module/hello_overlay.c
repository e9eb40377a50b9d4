// Writes a line to the kernel's log when it is loaded.
#include <linux/init.h>
#include <linux/module.h>

static int __init hello_init(void)
{
	pr_info("hello_overlay: a module of the overlay\n");
	return 0;
}

static void __exit hello_exit(void)
{
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_DESCRIPTION("Example of a module in an overlay");
MODULE_LICENSE("GPL");
