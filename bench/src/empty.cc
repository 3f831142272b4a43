// The empty C++ process: the dynamic loader also relocates libstdc++.
#include <iostream>

int main()
{
	return std::cout.good() ? 0 : 1;
}
