import Yams
print("placeholder")
