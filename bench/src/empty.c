/* The empty process: what starting and ending anything costs. Linked three ways by the floors. */
int main(void)
{
	return 0;
}
